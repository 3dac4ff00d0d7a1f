import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

/// Tokens and targets.
private struct Window: RecordedInput {
  let inputs, targets: TokenBuffer

  init(length: Int, seed: UInt64? = nil) {
    inputs = TokenBuffer(
      seed.map { tokens(length, seed: $0) } ?? .init(repeating: 0, count: length))
    targets = TokenBuffer(
      seed.map { tokens(length, seed: 100 + $0) } ?? .init(repeating: 0, count: length))
  }

  func placeholder() -> Window { Window(length: inputs.count) }

  func overwrite(with other: Window) {
    inputs.overwrite(with: other.inputs)
    targets.overwrite(with: other.targets)
  }
}

@Suite struct RecordedBatchTests {
  private typealias Batch = RecordedBatch<LanguageNetwork, Window>

  private func batch(
    _ result: Batch.Result = .valueAndGradient, at network: LanguageNetwork, of count: Int,
    length: Int = 21, seed: UInt64 = 1, threads: Int = 1, on instructionSet: InstructionSet? = nil
  ) -> Batch {
    let batch = Batch(
      result, at: network, overBatchOf: count,
      in: ExecutionContext(instructionSet: instructionSet, threadCount: threads),
      inputs: { _ in Window(length: length) }
    ) { $0.loss(of: $1.inputs, targets: $1.targets) }
    fill(batch, seed: seed)
    return batch
  }

  private func fill(_ batch: Batch, seed: UInt64) {
    for (index, input) in batch.inputs.enumerated() {
      input.overwrite(with: Window(length: input.inputs.count, seed: 1000 * seed + UInt64(index)))
    }
  }

  /// Recorded gradients equal called ones, bit for bit: a batch of up to eight items is summed in
  /// the same order.
  @Test(arguments: InstructionSet.available, SummarizerKind.allCases)
  func equalsTheUnrecordedGradient(
    _ instructionSet: InstructionSet, _ summarizer: SummarizerKind
  ) throws {
    let (first, second) = (
      try LanguageNetwork.small(summarizer, seed: 1),
      try LanguageNetwork.small(summarizer, seed: 2)
    )
    let batch = batch(at: first, of: 3, on: instructionSet)
    for (network, seed) in zip([first, second, first], 1...) {
      batch.load(network)
      fill(batch, seed: UInt64(seed))
      let value = batch.run()
      let expected = computing(on: instructionSet) {
        valueWithGradient(at: network, overBatchOf: 3) { network, item in
          network.loss(of: batch.inputs[item].inputs, targets: batch.inputs[item].targets)
        }
      }
      #expect(Float(value) == expected.value)
      #expect(batch.gradient == expected.gradient)
    }
  }

  /// Groups of several items: the sums are the called ones but for their order.
  @Test(arguments: [11, 16, 20])
  func sumsEveryItemOfAGroup(count: Int) throws {
    let network = try LanguageNetwork.small()
    let batch = batch(at: network, of: count)
    let value = batch.run()
    let expected = valueWithGradient(at: network, overBatchOf: count) { network, item in
      network.loss(of: batch.inputs[item].inputs, targets: batch.inputs[item].targets)
    }
    #expect(abs(value - Double(expected.value)) < 1e-6 * value)
    for (found, expected) in zip(batch.gradient.tensors, expected.gradient.tensors) {
      let bound = 1e-5 * expected.squaredNorm.squareRoot()
      #expect(zip(found.scalars, expected.scalars).allSatisfy { Double(abs($0 - $1)) <= bound })
    }
  }

  /// The convenience initializer for windows of tokens.
  @Test func recordsTheLossOfWindows() throws {
    let network = try LanguageNetwork.small()
    let batch = RecordedBatch(ofLossAt: network, windows: 2, length: 7)
    let (inputs, targets) = (tokens(14, seed: 1), tokens(14, seed: 2))
    for (index, window) in batch.inputs.enumerated() {
      #expect(window.length == 7)
      window.overwrite(
        inputs: inputs[7 * index..<7 * index + 7], targets: targets[7 * index..<7 * index + 7])
    }
    let value = batch.run()
    let expected = valueWithGradient(at: network, overBatchOf: 2) { network, item in
      network.loss(
        of: Array(inputs[7 * item..<7 * item + 7]),
        targets: Array(targets[7 * item..<7 * item + 7]))
    }
    #expect(Float(value) == expected.value)
    #expect(batch.gradient == expected.gradient)
  }

  @Test func trapsOnTokensThatDoNotFitAWindow() async {
    await #expect(processExitsWith: .failure) {
      TokenWindow(length: 2, vocabularySize: 3).overwrite(inputs: [0], targets: [0])
    }
    await #expect(processExitsWith: .failure) {
      TokenWindow(length: 1, vocabularySize: 3).overwrite(inputs: [0], targets: [3])
    }
    await #expect(processExitsWith: .failure) {
      TokenWindow(length: 1, vocabularySize: 3).overwrite(inputs: [-1], targets: [0])
    }
  }

  @Test func valueAloneIsTheSame() throws {
    let network = try LanguageNetwork.small()
    let both = batch(at: network, of: 5)
    #expect(batch(.value, at: network, of: 5).run() == both.run())
    #expect(batch(.value, at: network, of: 5).gradient.tensors.allSatisfy { $0.squaredNorm == 0 })
  }

  /// Fewer and more items than threads and groups, and counts that are not multiples.
  @Test(arguments: InstructionSet.available, [1, 2, 3, 8, 11, 16])
  func bitsDoNotDependOnThreads(_ instructionSet: InstructionSet, count: Int) throws {
    let network = try LanguageNetwork.small()
    func result(threads: Int) -> (Double, StateDictionary) {
      let batch = batch(at: network, of: count, threads: threads, on: instructionSet)
      return (batch.run(), batch.gradient)
    }
    let expected = result(threads: 1)
    for threads in 2...4 {
      let found = result(threads: threads)
      #expect(found.0 == expected.0 && found.1 == expected.1, "\(threads) threads")
    }
  }

  @Test func keepsParametersOfItsOwn() throws {
    let (first, second) = (
      try LanguageNetwork.small(seed: 1), try LanguageNetwork.small(seed: 2)
    )
    let batch = batch(at: first, of: 2)
    var stored = first
    batch.load(second)
    #expect(first.stateDictionary == stored.stateDictionary)
    batch.store(to: &stored)
    #expect(stored.stateDictionary == second.stateDictionary)
    batch.load(first)
    #expect(stored.stateDictionary == second.stateDictionary)
  }

  /// Gradients are values: the next run does not change them.
  @Test func gradientsStayAsTheyWere() throws {
    let batch = batch(at: try .small(), of: 2)
    _ = batch.run()
    let gradient = batch.gradient
    let scalars = gradient.tensors.map(\.scalars)
    fill(batch, seed: 2)
    _ = batch.run()
    #expect(gradient.tensors.map(\.scalars) == scalars)
    #expect(batch.gradient != gradient)
  }

  @Test(.enabled(if: lmn_counts_allocations()), arguments: [nil, .slots] as [NetworkOption?])
  func laterRunsAllocateNothing(_ option: NetworkOption?) throws {
    let batch = batch(at: try .small(option: option), of: 3)
    _ = batch.run()
    var sum = 0.0
    let (allocations, pages) = (lmn_allocation_count(), lmn_page_fault_count())
    for _ in 0..<10 { sum += batch.run() }
    #expect(lmn_allocation_count() == allocations)
    // Stack and code may be new; the memory of ten batches would be a thousand pages.
    #expect(lmn_page_fault_count() - pages < 20)
    #expect(sum.isFinite)
  }
}
