public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// A classifier of sequences of tokens: embedding, trunk, pooling and head.
public struct SequenceClassifier: TrunkModel {
  /// The sizes and kinds.
  public let configuration: Configuration
  /// How the vectors of a sequence become one.
  public let pooling: Pooling
  /// From tokens to vectors.
  public var embedding: Embedding
  /// What relates the tokens to each other.
  public var trunk: Trunk
  /// From the pooled vector to logits.
  public var head: Linear

  /// A classifier with fresh parameters, for so many classes.
  ///
  /// - Precondition: There is a class.
  public init(
    _ configuration: Configuration, classes: Int, pooling: Pooling = .mean,
    initialisation: Initialisation = .reference, using generator: inout SeededGenerator
  ) throws(ConfigurationError) {
    precondition(classes > 0, "SequenceClassifier: no classes")
    try Self.validate(configuration)
    self.configuration = configuration
    self.pooling = pooling
    let width = configuration.width
    embedding = Embedding(
      vocabularySize: configuration.vocabularySize, width: width, using: &generator)
    trunk = Trunk(configuration, initialisation: initialisation, using: &generator)
    head = Linear(inputs: width, outputs: classes, using: &generator)
  }

  /// Throws unless a classifier can have these sizes.
  package static func validate(_ configuration: Configuration) throws(ConfigurationError) {
    try configuration.validate()
    if configuration.tiedHead { throw .tiedHead }
  }

  /// How many numbers the parameters of such a classifier hold; nil when that overflows.
  package static func parameterCount(_ configuration: Configuration, classes: Int) -> Int? {
    configuration.parameterCount(inputs: configuration.vocabularySize, outputs: classes)
  }

  /// C: how many classes there are.
  public var classes: Int { head.bias.value.count }

  /// The parallel form over a whole sequence.
  ///
  /// - Parameter tokens: At least one, each below the vocabulary's size.
  /// - Returns: Logits `[1, C]`.
  public func callAsFunction(_ tokens: [Token]) -> Variable {
    let window = LabelledWindow(length: tokens.count, of: self)
    window.overwrite(tokens: tokens, label: 0)
    return logits(of: window)
  }

  /// The cross-entropy in nats, shape `[1]`, of a sequence's class.
  ///
  /// - Parameters:
  ///   - window: The sequence and its class.
  ///   - draw: Which values are dropped, for a classifier that learns; nil drops none.
  /// - Returns: The loss.
  public func loss(of window: LabelledWindow, dropping draw: DropoutDraw? = nil) -> Variable {
    logits(of: window, dropping: draw).crossEntropy(targets: window.label).mean()
  }

  private func logits(of window: LabelledWindow, dropping draw: DropoutDraw? = nil) -> Variable {
    var state = trunk.initialState
    let vectors = trunk(embedding(window.tokens), after: &state, dropping: draw)
    return head(vectors.pooled(pooling, weights: window.weights))
  }

  /// The sequential form, but for the pooling, for one token of each of B streams: `[B, E]`.
  func step(_ tokens: TokenBuffer, of streams: Trunk.Streams) -> Tensor {
    trunk.step(embedding(tokens).value, of: streams)
  }

  /// How sequences go on, but for the pooling.
  var streamStep: StreamStep<TokenBuffer> {
    StreamStep(of: trunk, outputWidth: configuration.width, take: step)
  }

  /// The parallel form, but for the pooling, over stretches that follow each other, without
  /// gradients: the vectors `[L, E]` of each.
  func read(_ stretches: [ArraySlice<Token>], after state: inout Trunk.State) -> [Tensor] {
    let embedded = ExecutionContext.current.map(stretches.count) {
      embedding(TokenBuffer(stretches[$0])).value
    }
    return trunk.read(embedded, after: &state)
  }

  /// Lists embedding, trunk and head.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("token_embedding_table", &embedding, visit)
    trunk.visitParameters(visit)
    Self.visit("head", &head, visit)
  }
}

/// A sequence and its class, as a recorded batch reads them.
///
/// Sequences may be shorter than the window: what fills it up comes behind them, where it changes
/// nothing before, and has no weight.
public struct LabelledWindow: TrainingInput {
  let tokens: TokenBuffer
  /// Of shape `[1, L]`.
  let weights: Tensor
  let label: TokenBuffer
  /// Which values are dropped of it; a batch that learns needs another draw at every step.
  public let draw = DropoutDraw()
  private let pooling: Pooling
  private let (vocabularySize, classes): (Int, Int)

  /// Memory for a sequence of up to so many tokens, and its class.
  public init(length: Int, of classifier: SequenceClassifier) {
    precondition(length > 0, "LabelledWindow: a sequence has a token at least")
    tokens = TokenBuffer(repeatElement(0, count: length))
    weights = Tensor(shape: [1, length], repeating: 1)
    label = [0]
    pooling = classifier.pooling
    vocabularySize = classifier.configuration.vocabularySize
    classes = classifier.classes
  }

  /// The most tokens that there is room for.
  public var length: Int { tokens.count }

  /// Replaces sequence and class; of a longer sequence, the window takes the beginning.
  ///
  /// - Parameters:
  ///   - sequence: At least one token.
  ///   - class: Which of the classifier's classes it is.
  /// - Precondition: Tokens are below the vocabulary's size, the class is one there is.
  public func overwrite(tokens sequence: [Token], label class: Int) {
    precondition(!sequence.isEmpty, "LabelledWindow: a sequence has a token at least")
    let count = min(sequence.count, length)
    tokens.overwrite { index in
      guard index < count else { return 0 }
      expectToken(
        sequence[index], below: vocabularySize, operation: "LabelledWindow", "at \(index)")
      return sequence[index]
    }
    weights.overwrite { weights in
      for index in 0..<length { weights[index] = pooling.weight(of: index, count: count) }
    }
    expectToken(Token(`class`), below: classes, operation: "LabelledWindow", "for a class")
    label.overwrite { _ in Token(`class`) }
  }

  /// Takes over another window's sequence, class and draw.
  public func overwrite(with other: LabelledWindow) {
    tokens.overwrite(with: other.tokens)
    weights.overwrite(withScalarsOf: other.weights)
    label.overwrite(with: other.label)
    draw.overwrite(with: other.draw)
  }
}

extension RecordedBatch where M == SequenceClassifier, Input == LabelledWindow {
  /// Records a classifier's mean loss over a batch of sequences.
  ///
  /// A classifier of which the gradient is taken learns, so it drops what the windows' draws say.
  ///
  /// - Parameters:
  ///   - result: What to compute.
  ///   - classifier: Where; its parameters are copied.
  ///   - count: Sequences of the batch, at least 1.
  ///   - length: Tokens of each, at most.
  ///   - context: Where to compute.
  public convenience init(
    _ result: Result = .valueAndGradient, ofLossAt classifier: SequenceClassifier,
    sequences count: Int, length: Int, in context: ExecutionContext = .current
  ) {
    self.init(
      result, at: classifier, overBatchOf: count, in: context,
      inputs: { LabelledWindow(length: length, of: classifier) }
    ) { classifier, window in
      classifier.loss(of: window, dropping: result == .valueAndGradient ? window.draw : nil)
    }
  }
}
