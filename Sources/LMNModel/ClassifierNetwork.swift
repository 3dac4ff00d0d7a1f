public import LMNAutodiff
public import LMNKernels
public import LMNLayers
public import LMNMemories

/// Classifier of token sequences: embedding, trunk, pooling and head, and beside them the scores of
/// n-grams.
///
/// Its outputs per token are the trunk's vectors; ``ClassificationSession`` pools them.
public struct ClassifierNetwork: Network {
  /// Sizes and kinds.
  public let configuration: Configuration
  /// Pooling of a sequence's vectors.
  public let pooling: Pooling
  /// Token embedding.
  public var embedding: Embedding
  /// Blocks between embedding and pooling.
  public var trunk: Trunk
  /// Affine map from the pooled vector to logits.
  public var head: Linear
  /// Scores of n-grams, added to the logits; nil for none.
  public var nGrams: NGrams?

  /// A classifier of `classes` classes with parameters from `source`.
  ///
  /// - Precondition: `classes` is at least 1.
  public init(
    _ configuration: Configuration, classes: Int, pooling: Pooling = .mean,
    nGrams: NGrams.Settings? = nil, using source: inout ParameterSource
  ) throws(ConfigurationError) {
    precondition(classes > 0, "ClassifierNetwork: no classes")
    try configuration.validate()
    try nGrams?.validate()
    if configuration.tiedHead { throw .tiedHead }
    self.configuration = configuration
    self.pooling = pooling
    embedding = Embedding(
      vocabularySize: configuration.vocabularySize, width: configuration.width, using: &source)
    trunk = Trunk(configuration.trunk, using: &source)
    head = Linear(inputs: configuration.width, outputs: classes, using: &source)
    if let nGrams { self.nGrams = NGrams(nGrams, classes: classes, using: &source) }
  }

  /// C: number of classes.
  public var classes: Int { head.bias.value.shape[0] }

  /// E: outputs per token.
  public var outputWidth: Int { configuration.width }

  /// The vectors `[L, E]` of tokens, each below the vocabulary's size.
  public func embed(_ tokens: TokenBuffer) -> Variable { embedding(tokens) }

  /// Returns the vectors unchanged: the head takes pooled vectors.
  public func head(of vectors: Variable) -> Variable { vectors }

  /// The parallel form over a whole sequence.
  ///
  /// - Parameter tokens: At least one, each below the vocabulary's size.
  /// - Returns: Logits `[1, C]`.
  public func logits(of tokens: [Token]) -> Variable {
    let window = LabelledWindow(length: tokens.count, of: self)
    window.overwrite(tokens: tokens, label: 0)
    var state = initialState
    var pass = trunk.pass(after: 0, length: tokens.count)
    return logits(of: window, after: &state, &pass)
  }

  /// Cross-entropy of a sequence's class in nats, shape `[1]`.
  ///
  /// - Parameters:
  ///   - window: The sequence and its class.
  ///   - state: The state before it, updated to that after it.
  ///   - pass: The pass over it.
  /// - Returns: The loss.
  public func loss(
    of window: LabelledWindow, after state: inout Trunk.State, _ pass: inout Pass
  ) -> Variable {
    logits(of: window, after: &state, &pass).crossEntropy(targets: window.label).mean()
  }

  private func logits(
    of window: LabelledWindow, after state: inout Trunk.State, _ pass: inout Pass
  ) -> Variable {
    let logits = head(
      self(window.tokens, after: &state, &pass).pooled(pooling, weights: window.weights))
    guard let nGrams, let bags = window.nGrams else { return logits }
    return logits + nGrams.bag(bags)
  }

  /// Visits embedding, trunk, head and n-grams.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("token_embedding_table", &embedding)
    trunk.visitParameters(visit)
    visit("head", &head)
    visit("n_grams", &nGrams)
  }
}

/// Streaming classification of one sequence, which can be classified at any position.
///
/// It is a value: a copy is a fork.
public struct ClassificationSession: Sendable {
  private var session: Session<ClassifierNetwork>
  private var pool: Pool
  private var nGrams: NGrams.State?

  /// State of a sequence.
  public struct State: Sendable, Equatable {
    /// State of the trunk.
    public var trunk: Trunk.State
    /// State of the pooling.
    public var pool: Pool
    /// State of the n-grams; nil for a network without them.
    public var nGrams: NGrams.State?

    /// A state with the given parts.
    public init(trunk: Trunk.State, pool: Pool, nGrams: NGrams.State? = nil) {
      self.trunk = trunk
      self.pool = pool
      self.nGrams = nGrams
    }
  }

  /// A session that continues from `state`; nil for the beginning of a sequence.
  public init(_ network: ClassifierNetwork, state: State? = nil) {
    session = Session(network, state: state?.trunk)
    pool = state?.pool ?? Pool(network.pooling)
    if network.nGrams != nil {
      nGrams = state?.nGrams ?? NGrams.State(classes: network.classes)
    }
  }

  /// The network.
  public var network: ClassifierNetwork { session.network }

  /// The state of the sequence.
  public var state: State { State(trunk: session.state, pool: pool, nGrams: nGrams) }

  /// Number of tokens read.
  public var position: Int { session.position }

  /// Reads one token in sequential form.
  ///
  /// - Precondition: The token is below the vocabulary's size.
  public mutating func step(_ token: Token) {
    let vector = session.step(token)
    pool.add(vector.reshaped([1, vector.count]))
    readNGrams([token])
  }

  /// Reads tokens in parallel form, in chunks of bounded size.
  public mutating func read(_ tokens: [Token]) {
    if tokens.isEmpty { return }
    session.read(TokenBuffer(tokens)) { pool.add($0) }
    readNGrams(tokens)
  }

  private mutating func readNGrams(_ tokens: [Token]) {
    guard nGrams != nil else { return }
    network.nGrams?.read(tokens, after: &nGrams!)
  }

  /// Logits `[C]` of the classes, from the tokens read so far; without any, the head reads a vector
  /// of zeros, which gives its biases.
  public var logits: Tensor {
    let network = session.network
    let pooled =
      pool.count == 0 ? Tensor(shape: [1, network.outputWidth], repeating: 0) : pool.pooled
    let logits = network.head(Variable(constant: pooled)).value.reshaped([network.classes])
    guard let nGrams, let scores = network.nGrams?.scores(after: nGrams) else { return logits }
    return logits.adding(Tensor(shape: [network.classes], scalars: scores.map { Float($0) }))
  }
}
