import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@testable import LMNModel

private typealias Batch = RecordedBatch<LanguageNetwork, TokenWindow>

/// Networks whose states differ in kind, layout or growth.
private let options =
  carriedOptions + [
    // With balance losses, which are those of single blocks.
    .mixture,
    NetworkOption("dropout, mixture") {
      NetworkOption.mixture.apply(&$0)
      $0.dropout = 0.3
    },
    NetworkOption("initial state that is a parameter") {
      $0.memories = [MemoryConfiguration(LearnedStart.Settings())]
    },
  ]

/// Memory replay computes the gradients of one pass over all segments, for every memory.
@Suite struct ReplayTests {
  private func withKnownMemories<R>(_ body: () throws -> R) rethrows -> R {
    try MemoryConfiguration.$known.withValue(
      MemoryConfiguration.known + [MovingAverage.Settings.self, LearnedStart.Settings.self],
      operation: body)
  }

  /// Losses and gradients of runs from the beginning and from a carried state, against those of all
  /// tokens at once.
  @Test(arguments: options, [1, 2, 5])
  func gradientsAreThoseOfTheWholePass(_ option: NetworkOption, horizon: Int) throws {
    let network = try withKnownMemories { try LanguageNetwork.small(option: option) }
    computing(on: .reference) {
      let whole = Batch(carrying: network, streams: 3, length: 8, horizon: horizon)
      let replayed = Batch(
        carrying: network, streams: 3, length: 8, horizon: horizon, replay: true)
      for seed in 1...2 as ClosedRange<UInt64> {
        whole.fill(seed: seed)
        replayed.fill(seed: seed)
        let (expected, found) = (whole.run(), replayed.run())
        #expect(abs(found - expected) <= 1e-6 * expected)
        let error = difference(replayed.gradients, whole.gradients)
        #expect(horizon == 1 ? error == 0 : error <= 1e-5, "run \(seed): \(error)")
        #expect(replayed.states.map { $0?.position } == whole.states.map { $0?.position })
      }
    }
  }

  /// Negative control: without the cotangents of states, gradients are those of single blocks, which
  /// differ.
  @Test(arguments: options)
  func cotangentsOfStatesMatter(_ option: NetworkOption) throws {
    let network = try withKnownMemories { try LanguageNetwork.small(option: option) }
    let (horizon, length) = (4, 8)
    let replayed = Batch(
      carrying: network, streams: 1, length: length, horizon: horizon, replay: true)
    replayed.fill(seed: 1)
    _ = replayed.run()
    let single = Batch(carrying: network, streams: 1, length: length)
    var sum = replayed.gradients.map { Tensor(shape: $0.shape, repeating: 0) }
    for segment in 0..<horizon {
      single.inputs[0].read(segment, of: replayed.inputs[0])
      _ = single.run()
      sum = zip(sum, single.gradients).map { $0.adding($1.scaled(by: 1 / Float(horizon))) }
    }
    #expect(difference(sum, replayed.gradients) > 1e-3)
  }

  /// The stored states are those of runs over single segments, bit for bit.
  @Test(arguments: InstructionSet.available, options)
  func statesAreThoseOfSingleRuns(_ instructionSet: InstructionSet, _ option: NetworkOption) throws
  {
    let network = try withKnownMemories { try LanguageNetwork.small(option: option) }
    computing(on: instructionSet) {
      let replayed = Batch(carrying: network, streams: 2, length: 7, horizon: 3, replay: true)
      let single = Batch(carrying: network, streams: 2, length: 7)
      for seed in 1...2 as ClosedRange<UInt64> {
        replayed.fill(seed: seed)
        _ = replayed.run()
        for segment in 0..<3 {
          for (one, all) in zip(single.inputs, replayed.inputs) { one.read(segment, of: all) }
          _ = single.run()
        }
        #expect(replayed.states == single.states)
      }
    }
  }

  /// More streams than threads, and layouts that change from run to run.
  @Test(arguments: InstructionSet.available, [1, 5])
  func bitsDoNotDependOnThreads(_ instructionSet: InstructionSet, count: Int) throws {
    let network = try LanguageNetwork.small(option: .otherMemory)
    func results(threads: Int) -> ([Double], [[Tensor]], [Trunk.State?]) {
      computing(on: instructionSet, threads: threads) {
        Batch(carrying: network, streams: count, length: 11, horizon: 3, replay: true)
          .threeRuns()
      }
    }
    let expected = results(threads: 1)
    for threads in 2...4 { #expect(results(threads: threads) == expected, "\(threads) threads") }
  }

  /// A row that begins anew within a run has the initial state there, and its gradient.
  @Test(arguments: [options[0], .otherMemory, options.last!])
  func rowsBeginAnewWithinARun(_ option: NetworkOption) throws {
    let network = try withKnownMemories { try LanguageNetwork.small(option: option) }
    computing(on: .reference) {
      let batch = Batch(carrying: network, streams: 2, length: 8, horizon: 4, replay: true)
      batch.fill(seed: 1)
      _ = batch.run()
      batch.inputs[1].carried!.restarts = [2]
      batch.fill(seed: 2)
      let before = batch.states
      let expected = valueWithGradient(at: network, overBatchOf: 2) { network, row in
        let window = batch.inputs[row]
        var state = before[row]!
        let losses = (0..<4).map { segment in
          if row == 1 && segment == 2 { state = network.initialState }
          let range = 8 * segment..<8 * segment + 8
          return network.loss(
            of: TokenBuffer(window.inputs.elements[range]),
            targets: TokenBuffer(window.targets.elements[range]), after: &state)
        }
        return losses.dropFirst().reduce(losses[0], +).scaled(by: 0.25)
      }
      #expect(abs(batch.run() - Double(expected.value)) < 1e-6)
      #expect(difference(batch.gradients, expected.gradient.tensors) <= 1e-5)
      #expect(batch.states.map { $0?.position } == [64, 16])
    }
  }

  /// Targets that are left out: the loss is the mean over the others, wherever they are.
  @Test func segmentsAreWeightedByTheirTargets() throws {
    let network = try LanguageNetwork.small(option: .otherMemory)
    computing(on: .reference) {
      let whole = Batch(carrying: network, streams: 2, length: 5, horizon: 3)
      let replayed = Batch(carrying: network, streams: 2, length: 5, horizon: 3, replay: true)
      let targets: [[Token]] = [
        [-1, -1, -1, -1, -1, -1, 3, -1, -1, -1, 1, 2, 3, 4, 5],
        .init(repeating: -1, count: 14) + [7],
      ]
      for batch in [whole, replayed] {
        for (window, targets) in zip(batch.inputs, targets) {
          window.overwrite(inputs: tokens(15, seed: 1)[...], targets: targets[...])
        }
      }
      #expect(abs(replayed.run() - whole.run()) < 1e-6)
      #expect(difference(replayed.gradients, whole.gradients) <= 1e-5)
      // Without any target the loss is 0.
      replayed.inputs[0].overwrite(
        inputs: tokens(15, seed: 1)[...], targets: [Token](repeating: -1, count: 15)[...])
      #expect(replayed.run().isFinite)
    }
  }

  @Test func streamsBeginAnewWhereLearnedPositionsEnd() throws {
    let network = try LanguageNetwork.small(option: .learnedPositions(40))
    let batch = Batch(carrying: network, streams: 1, length: 8, horizon: 2, replay: true)
    batch.fill(seed: 1)
    let positions = (0..<4).map { _ in
      _ = batch.run()
      return batch.states[0]?.position
    }
    #expect(positions == [16, 32, 16, 32])
  }

  @Test func streamsBeginAnewAfterAStateThatIsNotFinite() throws {
    var network = try LanguageNetwork.small()
    let table = network.embedding.table.value
    network.embedding.table = Variable(
      constant: Tensor(
        shape: table.shape,
        scalars: table.scalars.dropLast(8) + .init(repeating: .infinity, count: 8)))
    let batch = Batch(carrying: network, streams: 2, length: 3, horizon: 3, replay: true)
    let targets: [Token] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    for (window, first) in zip(batch.inputs, [3, 10] as [Token]) {
      window.overwrite(inputs: [first, 1, 2, 3, 4, 5, 6, 7, 8], targets: targets[...])
    }
    #expect(!batch.run().isFinite)
    #expect(batch.states.map { $0?.position } == [9, nil])
    batch.inputs[1].overwrite(inputs: [0, 1, 2, 3, 4, 5, 6, 7, 8], targets: targets[...])
    #expect(batch.run().isFinite)
    #expect(batch.states.map { $0?.position } == [18, 9])
  }

  /// The recorded segments allocate nothing where layouts repeat.
  @Test(.enabled(if: lmn_counts_allocations()))
  func laterRunsAllocateNothing() throws {
    let network = try LanguageNetwork.small(option: .mixture)
    computing(on: nil, threads: 1) {
      let batch = Batch(carrying: network, streams: 2, length: 8, horizon: 3, replay: true)
      for seed in 1...3 as ClosedRange<UInt64> {
        batch.fill(seed: seed)
        _ = batch.run()
      }
      let before = lmn_allocation_count()
      for _ in 0..<5 { batch.perform(0) }
      #expect(lmn_allocation_count() == before)
      #expect(batch.states[1]?.position == 192)
    }
  }
}

extension TokenWindow {
  /// Copies a segment of this window's length: its tokens and its part of the draw.
  fileprivate func read(_ segment: Int, of other: TokenWindow) {
    let first = segment * length
    inputs.overwrite(with: other.inputs, from: first)
    targets.overwrite(with: other.targets, from: first)
    draw.overwrite(with: other.draw, from: first)
  }
}

/// A memory whose initial state is a parameter: a decaying sum of the tokens.
private struct LearnedStart: Memory {
  struct Settings: MemorySettings {
    static let kind = "learnedStart"
    static var fields: [SettingsField<Settings>] { [] }
    init() {}
    func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      LearnedStart(
        average: MovingAverage.Settings().makeMemory(width: width, using: &source),
        start: source.parameter([1, width], .normal(deviation: 1)))
    }
  }

  var average: any Memory
  var start: Variable

  var initialState: MemoryState { MemoryState([.init("average", start.scaled(by: 2))]) }

  func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable { average(x, after: &state, &pass) }

  func layout(start: Int, length: Int) -> [Int] { [length] }

  func makeStreams(_ count: Int) -> any MemoryStreams { average.makeStreams(count) }

  mutating func visitParameters(_ visit: ParameterVisitor) {
    average.visitParameters(visit)
    visit("start", &start)
  }
}
