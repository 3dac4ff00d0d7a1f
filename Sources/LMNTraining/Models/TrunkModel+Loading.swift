import LMNKernels
public import LMNLayers
public import LMNModel

extension LogarithmicMemoryNetwork {
  /// A network of the given configuration and parameters under their published names.
  ///
  /// The parameters are counted before a network is made, so a configuration cannot ask for more
  /// memory than came with it.
  public init(
    _ configuration: Configuration, loading published: StateDictionary
  ) throws {
    try configuration.validate()
    self = try .loading(published, count: configuration.parameterCount) { generator in
      try LogarithmicMemoryNetwork(configuration, using: &generator)
    }
  }
}

extension TrunkModel {
  /// What `make` gives, with other parameters, under their published names; it is asked only when
  /// there are `count` of them.
  static func loading(
    _ published: StateDictionary, count expected: Int?,
    make: (inout SeededGenerator) throws -> Self
  ) throws -> Self {
    let count = published.tensors.reduce(0) { $0 + $1.count }
    guard expected == count else {
      throw CheckpointError.mismatchedParameterCount(expected: expected ?? 0, found: count)
    }
    var generator = SeededGenerator(seed: 0)
    var model = try make(&generator)
    try model.load(published: published)
    return model
  }
}
