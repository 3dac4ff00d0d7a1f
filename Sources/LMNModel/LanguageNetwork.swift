public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Language model network: embedding, trunk, and a head that gives the logits of the next token.
public struct LanguageNetwork: Network {
  /// Sizes and kinds.
  public let configuration: Configuration
  /// Token embedding.
  public var embedding: Embedding
  /// Blocks between embedding and head.
  public var trunk: Trunk
  /// Map from vectors to logits.
  public var head: TokenHead

  /// A network with parameters from `source`.
  public init(
    _ configuration: Configuration, using source: inout ParameterSource
  ) throws(ConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    let (width, vocabularySize) = (configuration.width, configuration.vocabularySize)
    // With standard normal values, the logits of a tied head would start at a scale of √E.
    embedding = Embedding(
      vocabularySize: vocabularySize, width: width,
      deviation: configuration.tiedHead ? 1 / Float(width).squareRoot() : 1, using: &source)
    trunk = Trunk(configuration.trunk, using: &source)
    head = TokenHead(
      width: width, vocabularySize: vocabularySize, isTied: configuration.tiedHead,
      using: &source)
  }

  /// V: logits per token.
  public var outputWidth: Int { configuration.vocabularySize }

  /// The vectors `[L, E]` of tokens, each below the vocabulary's size.
  public func embed(_ tokens: TokenBuffer) -> Variable { embedding(tokens) }

  /// The logits `[M, V]` of vectors `[M, E]`.
  public func head(of vectors: Variable) -> Variable { head(vectors, tiedTo: embedding.table) }

  /// Mean cross-entropy in nats, shape `[1]`, of predicting each target from the tokens so far.
  ///
  /// - Parameters:
  ///   - tokens: The next L tokens of a stream, each below the vocabulary's size.
  ///   - targets: The token after each; negative targets are ignored in the mean.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass over them.
  /// - Returns: The loss.
  public func loss(
    of tokens: TokenBuffer, targets: TokenBuffer, after state: inout Trunk.State,
    _ pass: inout Pass
  ) -> Variable {
    self(tokens, after: &state, &pass).crossEntropy(targets: targets).mean(overTargets: targets)
  }

  /// Mean cross-entropy over a whole sequence.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - targets: The token after each; negative targets are ignored in the mean.
  ///   - draw: Dropout draw in training; nil for no dropout.
  /// - Returns: The loss.
  public func loss(
    of tokens: TokenBuffer, targets: TokenBuffer, dropping draw: DropoutDraw? = nil
  ) -> Variable {
    var state = initialState
    var pass = trunk.pass(after: 0, length: tokens.count, dropping: draw)
    return loss(of: tokens, targets: targets, after: &state, &pass)
  }

  /// Loss of training over a whole sequence, without dropout.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - targets: The token after each; negative targets are ignored in the mean.
  /// - Returns: The loss and its parts.
  public func trainingLoss(of tokens: TokenBuffer, targets: TokenBuffer) -> TrainingLoss {
    var state = initialState
    var pass = trunk.pass(after: 0, length: tokens.count)
    return trainingLoss(of: tokens, targets: targets, after: &state, &pass)
  }

  /// Loss of training over the next tokens of a stream.
  ///
  /// - Parameters:
  ///   - tokens: At least one, each below the vocabulary's size.
  ///   - targets: The token after each; negative targets are ignored in the mean.
  ///   - state: The state before them, updated to that after them. Gradients flow through it.
  ///   - pass: The pass over them.
  /// - Returns: The loss and its parts.
  public func trainingLoss(
    of tokens: TokenBuffer, targets: TokenBuffer, after state: inout Trunk.State,
    _ pass: inout Pass
  ) -> TrainingLoss {
    let task = loss(of: tokens, targets: targets, after: &state, &pass)
    return TrainingLoss(task, in: pass, of: configuration)
  }

  /// Mean cross-entropy over a whole sequence, without dropout.
  public func loss(of tokens: [Token], targets: [Token]) -> Variable {
    loss(of: TokenBuffer(tokens), targets: TokenBuffer(targets))
  }

  /// Visits embedding, trunk and head.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("token_embedding_table", &embedding)
    trunk.visitParameters(visit)
    visit("lm_head", &head)
  }
}
