import LMNAutodiff
import LMNKernels
import LMNModel
import LMNTestSupport
import Testing

@Suite struct SessionTests {
  private let network: LanguageNetwork
  private let tolerance: Double

  init() throws {
    network = try .small()
    tolerance = network.tolerance(on: ExecutionContext.current.instructionSet)
  }

  @Test func countsTokens() {
    var session = Session(network)
    #expect(session.position == 0)
    _ = session.step(3)
    #expect(session.position == 1)
    session.read(tokens(9, seed: 1))
    #expect(session.position == 10)
  }

  @Test func givesTheNetworksLogits() {
    let input = tokens(21, seed: 1)
    let logits = network(input).value
    var (reader, stepper) = (Session(network), Session(network))
    #expect(reader.read(input)?.scalars == logits.rows(20..<21).scalars)
    for (position, token) in input.enumerated() {
      let found = stepper.step(token)
      #expect(found.shape == [11])
      expectNear(
        found.scalars, logits.rows(position..<position + 1).scalars, tolerance: tolerance,
        "token \(position)")
    }
  }

  @Test func readsInAnyPieces() {
    let input = tokens(40, seed: 2)
    var whole = Session(network)
    let expected = whole.read(input)?.scalars ?? []
    for cuts in [[0, 1, 40], [0, 7, 8, 9, 40], [0, 39, 40], Array(0...40), [0, 16, 32, 40]] {
      var session = Session(network)
      var last: Tensor?
      for (begin, end) in zip(cuts, cuts.dropFirst()) {
        last = session.read(Array(input[begin..<end]))
      }
      expectNear(last?.scalars ?? [], expected, tolerance: tolerance, "cut at \(cuts)")
      #expect(session.position == 40)
    }
  }

  /// Long texts are read in parallel chunks: the same bits as the network gives for the whole, on
  /// any number of threads, from the beginning and from a later position.
  @Test func readsLongTexts() {
    let input = tokens(2100, seed: 5)
    let logits = network(input).value
    func read(threads: Int) -> [Float] {
      computing(threads: threads) {
        var (session, found) = (Session(network), [Float]())
        session.read(TokenBuffer(input.prefix(5))) { found += $0.scalars }
        session.read(TokenBuffer(input.dropFirst(5))) { found += $0.scalars }
        #expect(session.position == 2100)
        return found
      }
    }
    let found = read(threads: 1)
    expectNear(found, logits.scalars, tolerance: tolerance, "2100 tokens")
    for threads in 2...4 { #expect(read(threads: threads) == found) }
  }

  @Test func readsNothingWithoutANotice() {
    var session = Session(network)
    #expect(session.read([Token]()) == nil)
    #expect(session.position == 0)
    session.read(tokens(5, seed: 3))
    let state = session.state
    #expect(session.read([Token]()) == nil)
    #expect(session.state == state)
  }

  /// Forks of both forms: after a read, and after a decode step.
  @Test(arguments: [false, true])
  func copiesAreForks(ofSteps: Bool) {
    var session = Session(network)
    session.read(tokens(ofSteps ? 12 : 13, seed: 4))
    if ofSteps { session.step(3) }
    let fork = session
    let before = fork.state
    var (one, other, again) = (session, fork, fork)
    let oneLogits = (0..<8).map { one.step(Token($0)).scalars }
    let otherLogits = (0..<8).map { other.step(Token(10 - $0)).scalars }
    #expect(fork.state == before)
    #expect((0..<8).map { again.step(Token($0)).scalars } == oneLogits)
    #expect(oneLogits != otherLogits)
    #expect(one.position == 21 && other.position == 21 && fork.position == 13)
  }

  @Test func goesOnFromAStateThatWasKept() {
    var session = Session(network)
    session.read(tokens(13, seed: 5))
    var restored = Session(network, state: session.state)
    #expect(restored.position == 13)
    #expect(restored.step(4) == session.step(4))
    #expect(restored.state == session.state)
  }

  /// Longer than a chunk, and ending at the end of one.
  @Test(arguments: [511, 512, 513, 1026])
  func readsInChunks(count: Int) throws {
    let network = try LanguageNetwork.small(layers: 1)
    let input = tokens(count, seed: 6)
    var (session, stepper) = (Session(network), Session(network))
    var (sizes, last): ([Int], Tensor?) = ([], nil)
    session.read(TokenBuffer(input)) { logits in
      sizes.append(logits.shape[0])
      last = logits.rows(logits.shape[0] - 1..<logits.shape[0])
    }
    #expect(sizes.reduce(0, +) == count)
    #expect(sizes.allSatisfy { (1...512).contains($0) })
    #expect(sizes.count == (count + 511) / 512)
    var expected: [Float] = []
    for token in input { expected = stepper.step(token).scalars }
    expectNear(last?.scalars ?? [], expected, tolerance: tolerance, "\(count) tokens")
    #expect(session.state == stepper.state)
  }
}
