import CAllocationCount
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@testable import LMNModel

/// Blocks whose intermediate values are computed again in the backward pass.
@Suite struct RecomputationTests {
  private typealias Batch = RecordedBatch<LanguageNetwork, TokenWindow>

  private static let options =
    carriedOptions + [
      .mixture,
      NetworkOption("dropout, mixture") {
        NetworkOption.mixture.apply(&$0)
        $0.dropout = 0.3
      },
      NetworkOption("shared layers") { ($0.layers, $0.distinctLayers) = (4, 2) },
    ]

  private func network(_ option: NetworkOption?, layers: Int = 2) throws -> LanguageNetwork {
    try MemoryConfiguration.$known.withValue(
      MemoryConfiguration.known + [MovingAverage.Settings.self]
    ) { try LanguageNetwork.small(layers: layers, option: option) }
  }

  /// Values, gradients, observations and states have the same bits, also in memory replay.
  @Test(arguments: InstructionSet.available, options)
  func changesNoBits(_ instructionSet: InstructionSet, _ option: NetworkOption) throws {
    let network = try network(option)
    computing(on: instructionSet) {
      for carry in [nil, Carry(horizon: 2), Carry(horizon: 2, replay: true)] {
        let (kept, recomputed) = (
          Batch(ofLossAt: network, windows: 2, length: 9, carrying: carry),
          Batch(ofLossAt: network, windows: 2, length: 9, carrying: carry, recomputing: true)
        )
        for seed in 1...2 as ClosedRange<UInt64> {
          kept.fill(seed: seed)
          recomputed.fill(seed: seed)
          #expect(kept.run() == recomputed.run())
          #expect(kept.gradients == recomputed.gradients)
          #expect(kept.observations == recomputed.observations)
          #expect(kept.states == recomputed.states)
        }
      }
    }
  }

  /// The memory of a further block is that of its inputs, a small part of its intermediate values.
  @Test func takesLessMemory() throws {
    func bytes(layers: Int, recomputing: Bool) throws -> Int {
      Batch(
        ofLossAt: try network(nil, layers: layers), windows: 1, length: 4096,
        recomputing: recomputing
      ).byteCount
    }
    let kept = try bytes(layers: 5, recomputing: false) - bytes(layers: 3, recomputing: false)
    let recomputed = try bytes(layers: 5, recomputing: true) - bytes(layers: 3, recomputing: true)
    #expect(5 * recomputed < kept)
  }
}
