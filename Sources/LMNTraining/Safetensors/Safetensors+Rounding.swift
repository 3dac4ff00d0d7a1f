extension Safetensors {
  /// The elements of a floating-point tensor of 16 or more bits, rounded to float32.
  ///
  /// - Parameter name: Name of the tensor.
  /// - Returns: Shape and row-major elements.
  /// - Throws: `SafetensorsError.missing`, `.mismatchedType`, or `.overflow` when a finite number
  ///   is too large.
  public func roundedFloats(
    _ name: String
  ) throws(SafetensorsError) -> (shape: [Int], values: [Float]) {
    guard let type = self[name]?.type else { return try floats(name) }
    switch type {
    case .f64:
      let (shape, values) = try elements(name, of: .f64, as: Double.self)
      for value in values where value.isFinite && !Float(value).isFinite {
        throw .overflow(file: file, tensor: name, value: value)
      }
      return (shape, values.map { Float($0) })
    case .f16:
      let (shape, values) = try elements(name, of: .f16, as: UInt16.self)
      return (shape, values.map(Float.init(halfBitPattern:)))
    case .bf16:
      let (shape, values) = try elements(name, of: .bf16, as: UInt16.self)
      return (shape, values.map { Float(bitPattern: UInt32($0) << 16) })
    default:
      return try floats(name)
    }
  }
}

extension Float {
  /// The number of a float16 bit pattern: sign, 5 bits of exponent, 10 of fraction.
  ///
  /// The standard library's `Float16` is not available on every processor.
  init(halfBitPattern bits: UInt16) {
    let (sign, exponent, fraction) = (UInt32(bits >> 15) << 31, bits >> 10 & 31, bits & 1023)
    switch exponent {
    case 0: self = Float(fraction) * 0x1p-24
    case 31: self.init(bitPattern: 255 << 23 | UInt32(fraction) << 13)
    default: self.init(bitPattern: UInt32(exponent + 112) << 23 | UInt32(fraction) << 13)
    }
    self = Float(bitPattern: bitPattern | sign)
  }
}
