internal import CLMN

extension Tensor {
  /// Positions as sines and cosines.
  ///
  /// - Parameters:
  ///   - positions: M of them, none negative.
  ///   - frequencies: In turns per position: one for every pair of features.
  ///   - width: E.
  /// - Returns: `[M, E]`: of every pair, first the sine, then the cosine.
  public static func sinusoids(
    at positions: PositionBuffer, frequencies: Buffer<Double>, width: Int
  ) -> Tensor {
    precondition(
      frequencies.count == (width + 1) / 2,
      "sinusoids: \(frequencies.count) frequencies for a width of \(width)")
    let encodings = Tensor(uninitialized: [positions.count, width])
    ExecutionContext.current.run(
      lmn_sinusoid_forward,
      lmn_sinusoid(
        rows: positions.count, width: width, positions: positions.base,
        frequencies: frequencies.base, encodings: encodings.output),
      on: positions, frequencies, encodings)
    return encodings
  }
}
