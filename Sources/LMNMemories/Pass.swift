public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Context of a forward pass in parallel form, passed through the blocks.
public struct Pass {
  /// Position of the pass's first token in its stream.
  ///
  /// In a recorded computation it represents all
  /// starts of the same ``Memory/layout(start:length:)``.
  public let start: Int
  /// Positions of the tokens; a recorded computation reads them at each run.
  public let positions: PositionBuffer
  /// Dropout of the current submodule; nil for none.
  public var dropout: Dropout?
  /// Whether intermediate values of blocks are computed again in the backward pass instead of being
  /// kept.
  public var recomputes = false
  /// Routings so far, one per block with a router.
  public var routings: [Routing] = []

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
