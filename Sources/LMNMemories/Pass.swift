public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Values that a forward pass of the parallel form carries through the blocks.
public struct Pass {
  /// Position of the pass's first token in its stream. In a recorded computation it stands for all
  /// starts of the same ``Memory/layout(start:length:)``.
  public let start: Int
  /// Positions of the tokens; a recording reads them as they are at every run.
  public let positions: PositionBuffer
  /// Dropout of the part that is computed; nil where nothing is dropped.
  public var dropout: Dropout?
  /// Losses of shape `[1]` beside that of the task, such as a router's load balance; a training loss
  /// adds them.
  public var auxiliaryLosses: [Variable] = []

  /// A pass over tokens at `positions`.
  ///
  /// - Parameters:
  ///   - start: Position of the first token.
  ///   - positions: Positions of all tokens.
  ///   - dropout: Dropout of the model; nil drops nothing.
  public init(start: Int, positions: PositionBuffer, dropout: Dropout? = nil) {
    self.start = start
    self.positions = positions
    self.dropout = dropout
  }

  /// A pass over `length` tokens from position `start` on.
  public init(start: Int = 0, length: Int, dropout: Dropout? = nil) {
    self.init(
      start: start, positions: PositionBuffer(start..<start + length), dropout: dropout)
  }
}
