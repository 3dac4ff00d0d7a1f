import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@testable import LMNModel

/// Networks with routers: their routing depends on the data, but recordings and steps do not.
@Suite struct MixtureNetworkTests {
  private func network() throws -> LanguageNetwork { try .small(layers: 3, option: .mixture) }

  private func batch(
    of network: LanguageNetwork, threads: Int = 1, on instructionSet: InstructionSet? = nil
  ) -> RecordedBatch<LanguageNetwork, TokenWindow> {
    computing(on: instructionSet, threads: threads) {
      RecordedBatch(ofLossAt: network, windows: 3, length: 40)
    }
  }

  private func fill(_ batch: RecordedBatch<LanguageNetwork, TokenWindow>, seed: UInt64) {
    for (index, window) in batch.inputs.enumerated() {
      let all = tokens(41, seed: seed + UInt64(index))
      window.overwrite(inputs: all[0..<40], targets: all[1..<41])
    }
  }

  @Test(arguments: InstructionSet.available)
  func formsAgree(_ instructionSet: InstructionSet) throws {
    try network().expectFormsAgree(on: instructionSet, lengths: [1, 8, 33])
  }

  /// Recorded losses and gradients, with the balance loss, equal called ones, bit for bit, for other
  /// routings than that of the recording too.
  @Test(arguments: InstructionSet.available)
  func recordedGradientsAreCalledOnes(_ instructionSet: InstructionSet) throws {
    let network = try network()
    let batch = batch(of: network, on: instructionSet)
    for seed: UInt64 in [10, 20, 30] {
      fill(batch, seed: seed)
      let value = batch.run()
      var (task, balance) = (0.0, 0.0)
      let expected = computing(on: instructionSet) {
        for window in batch.inputs {
          let loss = network.trainingLoss(of: window.inputs, targets: window.targets)
          task += Double(loss.task.value.scalar)
          balance += Double(loss.balance!.value.scalar)
        }
        return valueWithGradient(at: network, overBatchOf: 3) { network, item in
          network.trainingLoss(of: batch.inputs[item].inputs, targets: batch.inputs[item].targets)
            .total
        }
      }
      #expect(Float(value) == expected.value)
      #expect(batch.gradient == expected.gradient)
      #expect(batch.taskLoss == task / 3)
      let routers = try #require(batch.routers)
      #expect(routers.balance == Float(balance / 3))
      // Blocks 0 and 2 have routers of four memories, of which a token chooses two.
      #expect(routers.shares.map(\.count) == [4, 4])
      for shares in routers.shares { #expect(abs(shares.reduce(0, +) - 2) < 1e-6) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func bitsDoNotDependOnThreads(_ instructionSet: InstructionSet) throws {
    let network = try network()
    func result(threads: Int) -> (Double, StateDictionary) {
      let batch = batch(of: network, threads: threads, on: instructionSet)
      fill(batch, seed: 5)
      return (batch.run(), batch.gradient)
    }
    let one = result(threads: 1)
    for threads in 2...4 { #expect(result(threads: threads) == one) }
  }

  /// Other routings need no other memory.
  @Test(.enabled(if: lmn_counts_allocations()))
  func laterRunsAllocateNothing() throws {
    let batch = batch(of: try network())
    fill(batch, seed: 1)
    _ = batch.run()
    fill(batch, seed: 50)
    var sum = 0.0
    let before = lmn_allocation_count()
    for _ in 0..<10 { sum += batch.run() + (batch.taskLoss ?? 0) }
    #expect(lmn_allocation_count() == before)
    #expect(sum.isFinite)
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func stepsAllocateNothing() throws {
    var batch = SessionBatch(try network(), streams: 3)
    var tokens: [Token] = [1, 2, 3]
    var sum: Float = 0
    for _ in 0..<3 { batch.step(tokens).withScalars { sum += $0[0] } }
    let before = lmn_allocation_count()
    for step in 0..<100 {
      for row in 0..<3 { tokens[row] = Token((step * 7 + row) % 11) }
      batch.step(tokens).withScalars { sum += $0[0] }
    }
    #expect(lmn_allocation_count() == before)
    #expect(sum.isFinite)
  }

  /// The balance loss is the number of chosen memories where the router has no preference.
  @Test func balanceIsKWithoutPreference() throws {
    var network = try network()
    network.forEachParameter { name, parameter in
      if name.hasSuffix("router.weight") {
        parameter = .init(constant: Tensor(shape: parameter.value.shape, repeating: 0))
      }
    }
    let all = tokens(31, seed: 1)
    let loss = network.trainingLoss(of: TokenBuffer(all[0..<30]), targets: TokenBuffer(all[1..<31]))
    let balance = try #require(loss.balance).value.scalar
    #expect(abs(balance - 2) < 1e-6)
    #expect(loss.total.value.scalar == loss.task.value.scalar + 0.01 * balance)
  }
}
