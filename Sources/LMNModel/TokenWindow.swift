public import LMNKernels
public import LMNLayers

/// A stretch of text to predict, as a recorded batch reads it.
public struct TokenWindow: TrainingInput {
  let inputs: TokenBuffer
  let targets: TokenBuffer
  /// Which values are dropped of it; a batch that learns needs another draw at every step.
  public let draw = DropoutDraw()
  private let vocabularySize: Int

  /// Memory for a window of so many tokens, all of them token 0.
  public init(length: Int, vocabularySize: Int) {
    inputs = TokenBuffer(repeatElement(0, count: length))
    targets = TokenBuffer(repeatElement(0, count: length))
    self.vocabularySize = vocabularySize
  }

  /// How many tokens are read, and predicted.
  public var length: Int { inputs.count }

  /// Replaces all tokens.
  ///
  /// - Parameters:
  ///   - inputs: The tokens that the model reads.
  ///   - targets: The token that follows each of them, or is asked for; negative where none is.
  /// - Precondition: There are as many as the window is long, each below the vocabulary's size.
  public func overwrite(inputs: ArraySlice<Token>, targets: ArraySlice<Token>) {
    precondition(
      inputs.count == length && targets.count == length,
      "TokenWindow: \(inputs.count) tokens and \(targets.count) targets in a window of \(length)")
    self.inputs.overwrite { index in
      let token = inputs[inputs.startIndex + index]
      expectToken(token, below: vocabularySize, operation: "TokenWindow", "at \(index)")
      return token
    }
    self.targets.overwrite { index in
      let target = targets[targets.startIndex + index]
      expectTarget(target, below: vocabularySize, operation: "TokenWindow", "at \(index)")
      return target
    }
  }

  /// Takes over another window's tokens and draw.
  public func overwrite(with other: TokenWindow) {
    inputs.overwrite(with: other.inputs)
    targets.overwrite(with: other.targets)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == LogarithmicMemoryNetwork, Input == TokenWindow {
  /// Records a network's mean loss over a batch of windows.
  ///
  /// A network of which the gradient is taken learns, so it drops what the windows' draws say.
  ///
  /// - Parameters:
  ///   - result: What to compute.
  ///   - network: Where; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Tokens of each.
  ///   - context: Where to compute.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt network: LogarithmicMemoryNetwork,
    windows count: Int, length: Int, in context: ExecutionContext = .current
  ) {
    let vocabularySize = network.configuration.vocabularySize
    self.init(
      result, at: network, overBatchOf: count, in: context,
      inputs: { TokenWindow(length: length, vocabularySize: vocabularySize) }
    ) { network, window in
      network.loss(
        of: window.inputs, targets: window.targets,
        dropping: result == .valueAndGradient ? window.draw : nil)
    }
  }
}
