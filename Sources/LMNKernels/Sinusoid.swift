internal import CLMN

extension Tensor {
  /// Sinusoidal encodings of positions (arXiv 1706.03762, section 3.5).
  ///
  /// - Parameters:
  ///   - positions: `[M]`, none negative.
  ///   - frequencies: `[⌈E / 2⌉]`, in turns per position, one per pair of features.
  ///   - width: E.
  /// - Returns: `[M, E]`: per pair, the sine, then the cosine.
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
