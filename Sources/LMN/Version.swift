/// Version of this package.
public let lmnVersion = "0.1.0"
