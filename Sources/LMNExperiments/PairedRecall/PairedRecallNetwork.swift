import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel

/// Network for paired recall: a token is the sum of the embeddings of its key and its value; the
/// head gives the logits of the values.
struct PairedRecallNetwork: Network {
  let configuration: Configuration
  var keyEmbedding, valueEmbedding: Embedding
  var trunk: Trunk
  var head: Linear

  /// A network with parameters from `source`.
  ///
  /// - Parameters:
  ///   - configuration: Sizes and kinds; the vocabulary size is the number of values.
  ///   - keys: Number of keys.
  ///   - source: Source of the parameters.
  /// - Throws: An invalid configuration, or one with a tied head.
  init(
    _ configuration: Configuration, keys: Int, using source: inout ParameterSource
  ) throws(ConfigurationError) {
    try configuration.validate()
    if configuration.tiedHead { throw .tiedHead }
    self.configuration = configuration
    let (width, values) = (configuration.width, configuration.vocabularySize)
    keyEmbedding = Embedding(vocabularySize: keys, width: width, using: &source)
    valueEmbedding = Embedding(vocabularySize: values + 1, width: width, using: &source)
    trunk = Trunk(configuration.trunk, using: &source)
    head = Linear(inputs: width, outputs: values, using: &source)
  }

  /// Keys and values of tokens, at stable addresses.
  struct Tokens: NetworkInputs {
    let keys, values: TokenBuffer

    /// Allocates `count` tokens, all of them key 0 with value 0.
    init(count: Int) {
      keys = TokenBuffer(repeatElement(0, count: count))
      values = TokenBuffer(repeatElement(0, count: count))
    }

    /// Tokens with copies of these keys and values.
    init(keys: some Collection<Token>, values: some Collection<Token>) {
      (self.keys, self.values) = (TokenBuffer(keys), TokenBuffer(values))
    }

    var length: Int { keys.count }

    func slice(_ range: Range<Int>) -> Tokens {
      Tokens(keys: keys.elements[range], values: values.elements[range])
    }
  }

  var outputWidth: Int { configuration.vocabularySize }

  func makeInputs(_ count: Int) -> Tokens { Tokens(count: count) }

  func embed(_ tokens: Tokens) -> Variable {
    keyEmbedding(tokens.keys) + valueEmbedding(tokens.values)
  }

  func head(of vectors: Variable) -> Variable { head(vectors) }

  /// Mean cross-entropy of the answers of an example in nats, shape `[1]`.
  func loss(
    of window: PairedRecallWindow, after state: inout Trunk.State, _ pass: inout Pass
  ) -> Variable {
    self(window.tokens, after: &state, &pass).crossEntropy(targets: window.targets)
      .mean(overTargets: window.targets)
  }

  mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("key_embedding_table", &keyEmbedding)
    visit("value_embedding_table", &valueEmbedding)
    trunk.visitParameters(visit)
    visit("head", &head)
  }
}
