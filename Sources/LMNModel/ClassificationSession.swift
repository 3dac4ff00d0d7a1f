internal import LMNAutodiff
public import LMNKernels
internal import LMNLayers

/// A sequence that a classifier reads, token by token or many at once, and may class at any point: a
/// value, so a copy is a fork.
public struct ClassificationSession: Sendable {
  /// The classifier.
  public let classifier: SequenceClassifier
  private var stream: ModelStream<TokenBuffer>
  private var pool: Pool

  /// What a sequence leaves behind.
  public struct State: Sendable {
    /// Of the tokens.
    public var trunk: Trunk.State
    /// Of their vectors.
    public var pool: Pool

    /// The state of its parts.
    public init(trunk: Trunk.State, pool: Pool) {
      self.trunk = trunk
      self.pool = pool
    }
  }

  /// A sequence that goes on from `state`, or begins.
  public init(_ classifier: SequenceClassifier, state: State? = nil) {
    self.classifier = classifier
    stream = ModelStream(classifier.streamStep, from: state?.trunk)
    pool = state?.pool ?? Pool(classifier.pooling)
  }

  /// What the sequence has left so far.
  public var state: State { State(trunk: stream.state, pool: pool) }

  /// Tokens seen.
  public var position: Int { stream.position }

  /// Reads one token.
  ///
  /// - Precondition: It is below the vocabulary's size.
  public mutating func step(_ token: Token) {
    expectToken(
      token, below: classifier.configuration.vocabularySize, operation: "step", "of a session")
    pool.add(stream.step { $0.overwrite { _ in token } })
  }

  /// Reads any number of tokens, in parallel stretches of bounded size.
  public mutating func read(_ tokens: [Token]) {
    stream.read(tokens.count) { stretches, state in
      for vectors in classifier.read(stretches.map { tokens[$0] }, after: &state) {
        pool.add(vectors)
      }
    }
  }

  /// Logits `[C]` of the classes, of what was read so far.
  ///
  /// - Precondition: Something was read.
  public var logits: Tensor {
    classifier.head(Variable(constant: pool.pooled)).value.reshaped([classifier.classes])
  }
}
