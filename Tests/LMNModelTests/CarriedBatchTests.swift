import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@testable import LMNAutodiff
@testable import LMNModel

@Suite struct CarriedBatchTests {
  /// First runs equal those of windows, bit for bit: a batch of up to eight items is summed in the
  /// same order.
  @Test(arguments: InstructionSet.available, carriedOptions)
  fileprivate func firstRunsAreThoseOfWindows(
    _ instructionSet: InstructionSet, _ option: NetworkOption
  ) throws {
    let network = try LanguageNetwork.small(option: option)
    computing(on: instructionSet) {
      let carried = RecordedBatch(carrying: network, streams: 3, length: 21)
      let recorded = RecordedBatch(ofLossAt: network, windows: 3, length: 21)
      carried.fill(seed: 1)
      recorded.fill(seed: 1)
      #expect(carried.run() == recorded.run())
      #expect(carried.gradients == recorded.gradient.tensors)
      #expect(carried.names == recorded.names)
    }
  }

  /// One run over several blocks equals a pass block by block with gradients through the
  /// boundaries; with detached states the gradient differs.
  @Test(arguments: [.reference] + InstructionSet.available.suffix(1), carriedOptions.prefix(4))
  fileprivate func gradientsFlowThroughAllBlocksOfARun(
    _ instructionSet: InstructionSet, _ option: NetworkOption
  ) throws {
    let network = try LanguageNetwork.small(option: option)
    let (blocks, length) = (3, 8)
    computing(on: instructionSet) {
      let batch = RecordedBatch(carrying: network, streams: 2, length: blocks * length)
      batch.fill(seed: 1)
      func blockByBlock(flows: Bool) -> (value: Float, gradient: StateDictionary) {
        let inputs = batch.inputs
        return valueWithGradient(at: network, overBatchOf: 2) { network, stream in
          var state = network.initialState
          let logits = (0..<blocks).map { block in
            if !flows { state = state.detached }
            let tokens = inputs[stream].inputs.elements[block * length..<(block + 1) * length]
            return network(TokenBuffer(tokens), after: &state)
          }
          return Variable.concatenatingRows(logits).crossEntropy(targets: inputs[stream].targets)
            .mean()
        }
      }
      let (flowing, stopping) = (blockByBlock(flows: true), blockByBlock(flows: false))
      // The error of each token's gradient is relative to that of its logits.
      let tolerance = Double(blocks * length) * network.tolerance(on: instructionSet)
      let value = batch.run()
      #expect(abs(value - Double(flowing.value)) <= tolerance * value)
      #expect(abs(value - Double(stopping.value)) <= tolerance * value)
      var largestDifference = 0.0
      for (index, found) in batch.gradients.enumerated() {
        let expected = flowing.gradient.tensors[index].scalars
        let largest = expected.reduce(0) { max($0, Double(abs($1))) }
        expectClose(
          found.scalars, expected, within: expected.map { _ in tolerance * max(largest, 1) },
          batch.names[index])
        for (one, other) in zip(found.doubles, stopping.gradient.tensors[index].doubles) {
          largestDifference = max(largestDifference, abs(one - other))
        }
      }
      #expect(largestDifference > 10 * tolerance)
    }
  }

  /// Later runs equal the network called on the second tokens, bit for bit, after the detached
  /// state of the first ones, even though parameters have changed in between.
  @Test(arguments: InstructionSet.available, carriedOptions)
  fileprivate func laterRunsGoOnAfterDetachedStates(
    _ instructionSet: InstructionSet, _ option: NetworkOption
  ) throws {
    var network = try LanguageNetwork.small(option: option)
    computing(on: instructionSet) {
      let batch = RecordedBatch(carrying: network, streams: 3, length: 11)
      let inputs = batch.inputs
      batch.fill(seed: 1)
      let states = inputs.map { input in
        var state = network.initialState
        _ = network(input.inputs, after: &state, dropping: input.draw)
        return state
      }
      _ = batch.run()
      #expect(batch.states == states)
      let parts = batch.states.flatMap { $0!.blocks.flatMap(\.parts) }
      #expect(parts.allSatisfy { $0.value.source == nil })

      for (parameter, gradient) in zip(batch.parameters, batch.gradients) {
        parameter.overwrite(withSumOf: [parameter, gradient])
      }
      batch.store(to: &network)
      batch.fill(seed: 2)
      let expected = valueWithGradient(at: network, overBatchOf: 3) { network, stream in
        var state = states[stream]
        return network.loss(
          of: inputs[stream].inputs, targets: inputs[stream].targets, after: &state,
          dropping: inputs[stream].draw)
      }
      #expect(Float(batch.run()) == expected.value)
      #expect(batch.gradients == expected.gradient.tensors)
      #expect(batch.states.allSatisfy { $0?.position == 22 })

      // States are values: equal initial states give equal results.
      batch.states = states
      #expect(Float(batch.run()) == expected.value)
      batch.states = [nil, nil, nil]
      #expect(Float(batch.run()) != expected.value)
    }
  }

  /// Fewer and more streams than threads.
  @Test(arguments: InstructionSet.available, [1, 2, 5])
  func bitsDoNotDependOnThreads(_ instructionSet: InstructionSet, count: Int) throws {
    let network = try LanguageNetwork.small(option: .otherMemory)
    func results(threads: Int) -> ([Double], [[Tensor]], [Trunk.State?]) {
      computing(on: instructionSet, threads: threads) {
        RecordedBatch(carrying: network, streams: count, length: 19)
          .threeRuns()
      }
    }
    let expected = results(threads: 1)
    for threads in 2...4 {
      #expect(results(threads: threads) == expected, "\(threads) threads")
    }
  }

  @Test func streamsBeginAnewWhereLearnedPositionsEnd() throws {
    let network = try LanguageNetwork.small(option: .learnedPositions(24))
    let batch = RecordedBatch(carrying: network, streams: 2, length: 8)
    batch.fill(seed: 1)
    let positions = (0..<5).map { _ in
      _ = batch.run()
      return batch.states.map { $0?.position }
    }
    #expect(positions == [8, 16, 24, 8, 16].map { [$0, $0] })
  }

  /// The other streams continue.
  @Test(arguments: [carriedOptions[0], .otherMemory])
  fileprivate func streamsBeginAnewAfterAStateThatIsNotFinite(_ option: NetworkOption) throws {
    var network = try LanguageNetwork.small(option: option)
    let table = network.embedding.table.value
    network.embedding.table = Variable(
      constant: Tensor(
        shape: table.shape,
        scalars: table.scalars.dropLast(8) + .init(repeating: .infinity, count: 8)))
    let batch = RecordedBatch(carrying: network, streams: 2, length: 9)
    batch.fill(seed: 1)
    for (window, last) in zip(batch.inputs, [3, 10] as [Token]) {
      window.overwrite(
        inputs: [0, 1, 2, 3, 4, 5, 6, 7, last], targets: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }
    #expect(!batch.run().isFinite)
    #expect(batch.states.map { $0?.position } == [9, nil])
    for window in batch.inputs {
      window.overwrite(inputs: [0, 1, 2, 3, 4, 5, 6, 7, 8], targets: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }
    #expect(batch.run().isFinite)
    #expect(batch.states.map { $0?.position } == [18, 9])
  }

  /// Recordings are made per layout of the tree: over many starts, more than recordings are kept, each
  /// run has the bits of the called network with the same parameters after the same state.
  @Test(arguments: carriedOptions)
  fileprivate func longStreamsHaveTheBitsOfCalls(_ option: NetworkOption) throws {
    var network = try LanguageNetwork.small(layers: 1, option: option)
    let batch = RecordedBatch(carrying: network, streams: 2, length: 8)
    for seed in 1...80 as ClosedRange<UInt64> {
      batch.fill(seed: seed)
      batch.store(to: &network)
      let before = batch.states
      let expected = valueWithGradient(at: network, overBatchOf: 2) { network, stream in
        let input = batch.inputs[stream]
        let room = (network.configuration.maximumLength ?? .max) - 8
        var state =
          before[stream].flatMap { $0.position <= room ? $0 : nil }
          ?? network.initialState
        return network.loss(
          of: input.inputs, targets: input.targets, after: &state, dropping: input.draw)
      }
      #expect(Float(batch.run()) == expected.value, "run \(seed)")
      #expect(batch.gradients == expected.gradient.tensors, "run \(seed)")
      for (parameter, gradient) in zip(batch.parameters, batch.gradients) {
        parameter.overwrite(withSumOf: [parameter, gradient.scaled(by: -0.01)])
      }
    }
  }
}
