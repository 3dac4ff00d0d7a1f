public import LMNKernels
public import LMNLayers

/// Tokens and targets of a window: input of one batch item in the training of a language network.
public struct TokenWindow: TrainingInput {
  let inputs: TokenBuffer
  let targets: TokenBuffer
  /// Dropout draw; training has to change it at each step.
  public let draw: DropoutDraw
  /// Carried state; nil where each window starts at the beginning of a stream.
  public let carried: CarriedState?
  private let vocabularySize: Int

  /// Allocates a window of `length` tokens, all of them token 0.
  public init(length: Int, vocabularySize: Int, carrying carried: CarriedState? = nil) {
    inputs = TokenBuffer(repeatElement(0, count: length))
    targets = TokenBuffer(repeatElement(0, count: length))
    draw = DropoutDraw()
    self.carried = carried
    self.vocabularySize = vocabularySize
  }

  /// Number of input tokens, and of targets.
  public var length: Int { inputs.count }

  /// Replaces all tokens.
  ///
  /// - Parameters:
  ///   - inputs: Input tokens.
  ///   - targets: Target of each input, usually the next token; negative for none.
  /// - Precondition: Both have the window's length, and tokens are below the vocabulary's size.
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

  /// A window of the same length and layout.
  public func placeholder() -> TokenWindow {
    TokenWindow(
      length: length, vocabularySize: vocabularySize, carrying: carried?.placeholder())
  }

  /// Copies another window's tokens, draw and state.
  public func overwrite(with other: TokenWindow) {
    inputs.overwrite(with: other.inputs)
    targets.overwrite(with: other.targets)
    draw.overwrite(with: other.draw)
    if let carried, let others = other.carried { carried.overwrite(with: others) }
  }
}

extension RecordedBatch where M == LanguageNetwork, Input == TokenWindow {
  /// Records a network's mean loss over a batch of windows.
  ///
  /// - Parameters:
  ///   - result: The results to compute; dropout is applied only where a gradient is computed.
  ///   - network: The network; its parameters are copied.
  ///   - count: Windows of the batch, at least 1.
  ///   - length: Tokens of each.
  ///   - carry: Whether each run starts from the state at the end of the run before.
  ///   - statesTakeGradients: Whether runs give and take gradients of carried states.
  ///   - context: The context to compute in.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt network: LanguageNetwork,
    windows count: Int, length: Int, carrying carry: Bool = false,
    statesTakeGradients: Bool = false, in context: ExecutionContext = .current
  ) {
    let configuration = network.configuration
    self.init(
      result, at: network, overBatchOf: count, groups: carry ? 16 : 8, in: context,
      inputs: {
        TokenWindow(
          length: length, vocabularySize: configuration.vocabularySize,
          carrying: carry
            ? CarriedState(
              of: configuration.trunk, length: length, takesGradients: statesTakeGradients) : nil)
      },
      loss: { network, window, state, pass in
        network.loss(of: window.inputs, targets: window.targets, after: &state, &pass)
      })
  }
}
