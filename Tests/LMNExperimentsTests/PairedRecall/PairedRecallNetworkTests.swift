import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@testable import LMNExperiments

extension Configuration {
  /// A small mixture of four memories for `values` values.
  static func smallMixture(values: Int) -> Configuration {
    var memory = MixtureOfMemories.Settings()
    memory.linear.rule = .linear
    (memory.linear.heads, memory.linear.keyWidth, memory.linear.valueWidth) = (1, 3, 4)
    memory.linear.convolution = 0
    var configuration = Configuration(vocabularySize: values)
    (configuration.width, configuration.layers, configuration.feedForward) = (8, 1, 1)
    configuration.trunk.memories = [MemoryConfiguration(memory)]
    return configuration
  }
}

extension PairedRecallNetwork {
  /// A small network with a mixture of memories, for 9 keys and 5 values.
  static func small(
    seed: UInt64 = 1, _ change: (inout Configuration) -> Void = { _ in }
  ) throws -> PairedRecallNetwork {
    var configuration = Configuration.smallMixture(values: 5)
    change(&configuration)
    var source = ParameterSource(seed: seed)
    return try PairedRecallNetwork(configuration, keys: 9, using: &source)
  }
}

@Suite struct PairedRecallNetworkTests {
  private let tokens = PairedRecallNetwork.Tokens(
    keys: [3, 0, 8, 0, 8, 3], values: [4, 0, 1, 5, 5, 5])

  private func example(pairs: Int, seed: UInt64) throws -> PairedRecall.Example {
    var generator = SeededGenerator(seed: seed)
    return try PairedRecall(keys: 9, values: 5, pairs: 9).example(pairs: pairs, using: &generator)
  }

  @Test func embeddingIsTheSumOfKeyAndValue() throws {
    let network = try PairedRecallNetwork.small()
    let embedded = network.embed(tokens).value
    let (keys, values) = (
      network.keyEmbedding.table.value.scalars, network.valueEmbedding.table.value.scalars
    )
    #expect(network.keyEmbedding.table.value.shape == [9, 8])
    #expect(network.valueEmbedding.table.value.shape == [6, 8])
    let expected = zip(tokens.keys.elements, tokens.values.elements).flatMap { key, value in
      (0..<8).map { keys[Int(key) * 8 + $0] + values[Int(value) * 8 + $0] }
    }
    #expect(embedded.shape == [6, 8] && embedded.scalars == expected)
    #expect(network(tokens).value.shape == [6, 5] && network.outputWidth == 5)
  }

  /// The parallel form of the first tokens and steps on the rest agree with the parallel form.
  @Test(arguments: [0, 2, 6])
  func formsAgree(cut: Int) throws {
    let network = try PairedRecallNetwork.small()
    let expected = network(tokens).value.scalars
    var (state, found) = (network.initialState, [Float]())
    if cut > 0 { found = network(tokens.slice(0..<cut), after: &state).value.scalars }
    var states = [state]
    for place in cut..<6 {
      found += network.step(tokens.slice(place..<place + 1), after: &states).scalars
    }
    // Five sums of at most 8 terms per token, of values below 4.
    expectClose(
      found, expected, within: expected.map { _ in 4 * Rounding.error(5 * 8) }, "cut at \(cut)")
  }

  /// Only the answers count: the loss is the mean negative logarithm of their probabilities.
  @Test func lossIsOverTheAnswers() throws {
    let network = try PairedRecallNetwork.small()
    let example = try example(pairs: 4, seed: 3)
    let window = PairedRecallWindow(length: 8)
    window.overwrite(with: example)
    var (state, pass) = (network.initialState, network.trunk.pass(after: 0, length: 8))
    let loss = network.loss(of: window, after: &state, &pass).value
    let logits = network(
      PairedRecallNetwork.Tokens(keys: example.keys, values: example.values)
    ).value.doubles
    let terms = (4..<8).map { place in
      let row = logits[place * 5..<place * 5 + 5]
      let largest = row.max()!
      let normalizer = row.reduce(0) { $0 + exp($1 - largest) }
      return log(normalizer) + largest - row[row.startIndex + Int(example.targets[place])]
    }
    #expect(loss.shape == [1])
    #expect(abs(Double(loss.scalar) - terms.reduce(0, +) / 4) < 8 * Rounding.error(16))
  }

  /// The gradient of the recorded batch is that of the mean of loss and balance loss, and agrees
  /// with central differences.
  @Test func gradientIsThatOfLossAndBalance() throws {
    let network = try PairedRecallNetwork.small { $0.balanceScale = 0.5 }
    let examples = try (0..<3).map { try example(pairs: 4, seed: UInt64($0)) }
    let windows = examples.map { example in
      let window = PairedRecallWindow(length: 8)
      window.overwrite(with: example)
      return window
    }
    @Sendable func loss(_ network: PairedRecallNetwork, _ item: Int) -> Variable {
      var (state, pass) = (network.initialState, network.trunk.pass(after: 0, length: 8))
      let loss = network.loss(of: windows[item], after: &state, &pass)
      return TrainingLoss(loss, in: pass, of: network.configuration).total
    }
    let batch = RecordedBatch(ofLossAt: network, examples: 3, pairs: 4)
    for (input, example) in zip(batch.inputs, examples) { input.overwrite(with: example) }
    let recorded = computing { batch.run() }
    let (value, gradient) = computing {
      valueWithGradient(at: network, overBatchOf: 3) { loss($0, $1) }
    }
    #expect(Float(recorded) == value)
    for (name, (recorded, called)) in zip(gradient.names, zip(batch.gradients, gradient.tensors)) {
      expectClose(
        recorded.scalars, called.scalars,
        within: called.scalars.map { Double(abs($0)) * Rounding.error(8) + 1e-8 }, name)
    }

    let names = network.stateDictionary.names
    // The choice of memories has no gradient: the step is too small to change one.
    expectGradients(
      of: { parameters in
        var moved = network
        var rest = parameters.makeIterator()
        moved.forEachParameter { $1 = rest.next()! }
        return loss(moved, 0)
      }, at: names.map { network.stateDictionary[$0]! }, step: 1 / 1024, tolerance: 8e-3)
  }

  @Test func tiedHeadsAreRefused() throws {
    #expect(throws: ConfigurationError.tiedHead) {
      try PairedRecallNetwork.small { $0.tiedHead = true }
    }
  }
}
