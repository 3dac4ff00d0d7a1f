import LMNKernels
import LMNLayers
import LMNModel

/// Reader of a text with a network of blocks.
struct LanguageReader: TextReader {
  private var session: Session<LanguageNetwork>
  /// Logits `[V]` of the next token; nil before the first.
  private var logits: Tensor?

  /// A reader at the beginning of a text.
  init(_ network: LanguageNetwork) { session = Session(network) }

  /// The reader that ``append(to:)`` saved; nil where the tensors do not form its state.
  init?(_ network: LanguageNetwork, in file: Safetensors, at position: Int) throws {
    let read = try file.stateDictionary(of: ["logits"])
    try read.expectFinite()
    let logits = read.tensors[0]
    guard let state = try file.state(of: network.trunk, at: position),
      logits.shape == [network.configuration.vocabularySize]
    else { return nil }
    session = Session(network, state: state)
    self.logits = logits
  }

  var position: Int { session.position }

  var tokensAtOnce: Int { session.inputsAtOnce }

  mutating func read(_ tokens: [Token]) { logits = session.read(tokens) ?? logits }

  mutating func read(
    _ inputs: [Token], predicting targets: [Token], _ body: (Double) -> Void
  ) {
    var position = 0
    session.read(TokenBuffer(inputs)) { logits in
      let next = TokenBuffer(targets[position..<position + logits.shape[0]])
      for loss in logits.crossEntropy(targets: next).losses.scalars { body(Double(loss)) }
      position += next.count
    }
  }

  mutating func predict() -> Tensor { logits! }

  mutating func append(_ token: Token) {
    // Released, so that the session can overwrite them with the next ones.
    logits = nil
    logits = session.step(token)
  }

  func append(to file: inout Safetensors) {
    file.append(session.state)
    file.append("logits", shape: logits!.shape, floats: logits!.scalars)
  }
}
