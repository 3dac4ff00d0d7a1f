import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

@Suite struct ClassifierNetworkTests {
  /// Bound with one more sum over `count` terms: the parallel form pools in float, a session in
  /// double.
  private func tolerance(_ classifier: ClassifierNetwork, count: Int) -> Double {
    classifier.tolerance(on: ExecutionContext.current.instructionSet) + Rounding.error(count)
  }

  private func window(
    _ sequence: [Token], label: Int, length: Int, of classifier: ClassifierNetwork
  ) -> LabelledWindow {
    let window = LabelledWindow(length: length, of: classifier)
    window.overwrite(tokens: sequence, label: label)
    return window
  }

  private static let nGrams = NGrams.Settings(longest: 3, buckets: 40)
  private static let options = [nil, NetworkOption.otherMemory]

  @Test(arguments: [1, 2, 21, 600], options)
  func formsAgree(count: Int, option: NetworkOption?) throws {
    for pooling in Pooling.allCases {
      expectFormsToAgree(try .small(pooling, option: option), count: count)
    }
    for longest in [1, 3, 6] {
      let nGrams = NGrams.Settings(longest: longest, buckets: 40)
      expectFormsToAgree(try .small(.mean, option: option, nGrams: nGrams), count: count)
    }
  }

  private func expectFormsToAgree(_ classifier: ClassifierNetwork, count: Int) {
    let sequence = tokens(count, seed: 1)
    let expected = classifier.logits(of: sequence).value
    #expect(expected.shape == [1, 3])
    for cut in [0, count / 3, count] {
      var session = ClassificationSession(classifier)
      session.read(Array(sequence[..<cut]))
      for token in sequence[cut...] { session.step(token) }
      #expect(session.position == count)
      #expect(session.logits.shape == [3])
      expectNear(
        session.logits.scalars, expected.scalars, tolerance: tolerance(classifier, count: count),
        "\(cut) read, then steps")
      var other = ClassificationSession(classifier)
      for token in sequence[..<cut] { other.step(token) }
      other.read(Array(sequence[cut...]))
      expectNear(
        other.logits.scalars, expected.scalars, tolerance: tolerance(classifier, count: count),
        "\(cut) steps, then read")
    }
  }

  /// Each pooling of the trunk's vectors, computed by hand.
  @Test func poolingIsWhatItsNameSays() throws {
    let sequence = tokens(9, seed: 2)
    for pooling in Pooling.allCases {
      let classifier = try ClassifierNetwork.small(pooling)
      var state = classifier.trunk.initialState
      let vectors = classifier(TokenBuffer(sequence), after: &state).value.doubles
      let pooled = (0..<8).map { feature in
        let values = (0..<9).map { vectors[8 * $0 + feature] }
        return switch pooling {
        case .mean: Float(values.reduce(0, +) / 9)
        case .last: Float(values[8])
        case .max: Float(values.max()!)
        case .zero: Float(0)
        }
      }
      let expected = classifier.head(Variable(constant: Tensor(shape: [1, 8], scalars: pooled)))
      expectNear(
        classifier.logits(of: sequence).value.scalars, expected.value.scalars,
        tolerance: Rounding.error(9 + 16), "\(pooling)")
    }
  }

  /// Padding of a window affects neither loss nor gradient.
  @Test(arguments: Pooling.allCases, [1, 5, 8])
  func windowsMayBeLonger(_ pooling: Pooling, count: Int) throws {
    let classifier = try ClassifierNetwork.small(pooling, nGrams: Self.nGrams)
    let sequence = tokens(count, seed: 3)
    let tight = window(sequence, label: 2, length: count, of: classifier)
    let wide = window(sequence, label: 2, length: count + 13, of: classifier)
    // Overwritten, to show that previous content has no effect.
    wide.overwrite(tokens: tokens(count + 13, seed: 4), label: 0)
    wide.overwrite(tokens: sequence, label: 2)
    let results = [tight, wide].map { window in
      valueWithGradient(at: classifier) { $0.loss(of: window) }
    }
    expectNear(
      [results[1].value], [results[0].value], tolerance: tolerance(classifier, count: count), "loss"
    )
    // In the backward pass, a sum over rows has as many terms as the window has tokens.
    let bound = 16 * tolerance(classifier, count: count + 13)
    for (name, (found, expected)) in zip(
      results[0].gradient.names, zip(results[1].gradient.tensors, results[0].gradient.tensors))
    {
      expectNear(found.scalars, expected.scalars, tolerance: bound, name)
    }
  }

  @Test func longerSequencesAreCutOff() throws {
    let classifier = try ClassifierNetwork.small(.mean)
    let sequence = tokens(9, seed: 5)
    let cut = window(sequence, label: 1, length: 4, of: classifier)
    let short = window(Array(sequence.prefix(4)), label: 1, length: 4, of: classifier)
    #expect(classifier.loss(of: cut).value == classifier.loss(of: short).value)
  }

  /// With max pooling a difference must not change the largest value, so its step is smaller and
  /// its rounding error larger.
  @Test(arguments: Pooling.allCases)
  func gradientsAreSlopes(_ pooling: Pooling) throws {
    let classifier = try ClassifierNetwork.small(pooling, nGrams: Self.nGrams)
    let window = window(tokens(13, seed: 1), label: 1, length: 16, of: classifier)
    expectGradients(
      of: { parameters in
        var (classifier, rest) = (classifier, parameters[...])
        classifier.forEachParameter { $1 = rest.removeFirst() }
        return classifier.loss(of: window)
      }, at: classifier.stateDictionary.tensors, step: pooling == .max ? 1 / 1024 : 1 / 128,
      tolerance: pooling == .max ? 8e-3 : 1e-3)
  }

  @Test(arguments: Pooling.allCases, [1, 2, 3])
  func batchesAreRecorded(_ pooling: Pooling, threads: Int) throws {
    let (first, second) = (
      try ClassifierNetwork.small(pooling, seed: 1), try ClassifierNetwork.small(pooling, seed: 2)
    )
    let batch = RecordedBatch(
      ofLossAt: first, sequences: 3, length: 12, in: ExecutionContext(threadCount: threads))
    for (round, classifier) in [first, second].enumerated() {
      batch.load(classifier)
      for (index, window) in batch.inputs.enumerated() {
        window.overwrite(
          tokens: tokens(1 + 5 * index + round, seed: UInt64(index)), label: (index + round) % 3)
      }
      let value = batch.run()
      let expected = valueWithGradient(at: classifier, overBatchOf: 3) { classifier, item in
        classifier.loss(of: batch.inputs[item])
      }
      #expect(Float(value) == expected.value)
      #expect(batch.gradient == expected.gradient)
    }
  }

  /// The gradient of n-grams by rows is that of the table, and its bits do not depend on threads.
  @Test func nGramsAreRecorded() throws {
    let classifier = try ClassifierNetwork.small(.mean, nGrams: Self.nGrams)
    var results: [StateDictionary] = []
    for threads in 1...3 {
      let batch = RecordedBatch(
        ofLossAt: classifier, sequences: 4, length: 40, in: ExecutionContext(threadCount: threads))
      for round in 0..<2 {
        for (index, window) in batch.inputs.enumerated() {
          window.overwrite(
            tokens: tokens(1 + 9 * index + round, seed: UInt64(index)), label: index % 3,
            weight: Float(1 + index))
        }
        let value = batch.run()
        let expected = valueWithGradient(at: classifier, overBatchOf: 4) { classifier, item in
          classifier.loss(of: batch.inputs[item]).scaled(by: Float(1 + item))
        }
        let bound = 16 * tolerance(classifier, count: 4 * 3 * 40)
        expectNear([Float(value)], [expected.value], tolerance: bound, "loss")
        for (name, (found, expected)) in zip(
          batch.names, zip(batch.gradient.tensors, expected.gradient.tensors))
        {
          expectNear(found.scalars, expected.scalars, tolerance: bound, name)
        }
        let rows = try #require(batch.rowGradients.last ?? nil)
        #expect(
          (1...40).contains(rows.rows.count)
            && batch.rowGradients.dropLast().allSatisfy { $0 == nil })
        let norm = expected.gradient.tensors.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
        #expect(abs(batch.gradientNorm - norm) <= bound * norm)
      }
      results.append(batch.gradient)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  /// The scores of n-grams, counted by hand: those of 1 to n tokens, with a boundary at both ends.
  @Test func nGramsAreScored() throws {
    // A row per n-gram that ends with a token, and none shared.
    let settings = NGrams.Settings(longest: 2, buckets: 1 << 20)
    var source = ParameterSource(seed: 1)
    var network = try ClassifierNetwork(
      .small(vocabularySize: 11, layers: 1), classes: 2, nGrams: settings, using: &source)
    func logits(_ tokens: [Token]) -> [Float] {
      var session = ClassificationSession(network)
      session.read(tokens)
      return session.logits.scalars
    }
    let before = logits([3, 4, 3, 4])
    network.nGrams?.bag.table = Variable(constant: Tensor(shape: [1 << 20, 2], repeating: 1))
    // 3, 4, 3, 4, |3, 34, 43, 34, 4|
    let after = logits([3, 4, 3, 4])
    expectClose(after, before.map { $0 + 4 * 9 / 3 }, within: [1e-5, 1e-5], "scores")
    // The bigram of both boundaries.
    expectClose(
      logits([]), network.head.bias.value.scalars.map { $0 + 4 }, within: [1e-6, 1e-6], "no text")
  }

  @Test(arguments: Pooling.allCases)
  func sessionsAreValues(_ pooling: Pooling) throws {
    let classifier = try ClassifierNetwork.small(pooling, nGrams: Self.nGrams)
    var session = ClassificationSession(classifier)
    session.read(tokens(10, seed: 6))
    var fork = session
    let before = fork.logits
    session.step(3)
    #expect(fork.logits == before)
    fork.step(3)
    #expect(fork.logits == session.logits)
    var restored = ClassificationSession(classifier, state: session.state)
    restored.step(5)
    session.step(5)
    #expect(restored.logits == session.logits && restored.position == 12)
  }

  @Test func sizesThatCannotBeAreRefused() throws {
    var source = ParameterSource(seed: 1)
    var configuration = Configuration.small(vocabularySize: 5, layers: 1)
    configuration.logarithmic.heads = 3
    #expect(throws: ConfigurationError.indivisible(width: 8, heads: 3)) {
      try ClassifierNetwork(configuration, classes: 2, using: &source)
    }
    configuration.logarithmic.heads = 2
    configuration.tiedHead = true
    #expect(throws: ConfigurationError.tiedHead) {
      try ClassifierNetwork(configuration, classes: 2, using: &source)
    }
    configuration.tiedHead = false
    for (settings, key) in [
      (NGrams.Settings(longest: 0), "nGrams"), (.init(longest: 17), "nGrams"),
      (.init(buckets: 0), "buckets"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try ClassifierNetwork(configuration, classes: 2, nGrams: settings, using: &source)
      }
      #expect(error?.description.hasPrefix("\(key) is ") == true)
    }
  }

  @Test func trapsOnWhatIsNoInput() async {
    await #expect(processExitsWith: .failure) {
      LabelledWindow(length: 2, of: try .small(.mean)).overwrite(tokens: [], label: 0)
    }
    await #expect(processExitsWith: .failure) {
      LabelledWindow(length: 2, of: try .small(.mean)).overwrite(tokens: [11], label: 0)
    }
    await #expect(processExitsWith: .failure) {
      LabelledWindow(length: 2, of: try .small(.mean)).overwrite(tokens: [1], label: 3)
    }
  }

  /// Without a token the head reads a vector of zeros.
  @Test(arguments: Pooling.allCases)
  func nothingIsClassedByTheHead(pooling: Pooling) throws {
    let network = try ClassifierNetwork.small(pooling)
    var session = ClassificationSession(network)
    session.read([])
    #expect(session.logits.scalars == network.head.bias.value.scalars)
  }
}
