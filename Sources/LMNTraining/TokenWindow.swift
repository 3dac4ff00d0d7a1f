public import LMNKernels
public import LMNLayers

/// A stretch of text to predict, as a recorded batch reads it.
public struct TokenWindow: RecordedInput {
  /// The tokens that the model reads.
  public let inputs: TokenBuffer
  /// The token that follows each input.
  public let targets: TokenBuffer

  /// Memory for a window of so many tokens, all of them token 0.
  public init(length: Int) {
    inputs = TokenBuffer(repeatElement(0, count: length))
    targets = TokenBuffer(repeatElement(0, count: length))
  }

  /// Takes over another window's tokens.
  public func overwrite(with other: TokenWindow) {
    inputs.overwrite(with: other.inputs)
    targets.overwrite(with: other.targets)
  }
}
