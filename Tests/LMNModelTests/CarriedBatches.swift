import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport

@testable import LMNModel

/// Networks with different kinds of states.
let carriedOptions: [NetworkOption] = [
  NetworkOption("") { _ in }, .otherMemory, .learnedPositions(100),
  NetworkOption("\"arity\":3,\"visibility\":\"disjoint\"") {
    ($0.logarithmic.arity, $0.logarithmic.visibility) = (3, .disjoint)
  },
  NetworkOption("\"dropout\":0.5") { $0.dropout = 0.5 },
  // More places than a run has tokens: the scores of the others are −∞.
  NetworkOption("\"pinned\":30") { $0.logarithmic.pinned = 30 },
  // The state grows with every run, or up to a window that is shorter than a run or longer.
  .attention(), .attention(window: 5), .attention(window: 50),
  // The beginning is a function of parameters; runs begin at different places of a segment.
  .slots,
  // The layout of a state without nodes is that of every start.
  NetworkOption("\"memory\":{\"kind\":\"movingAverage\"}") {
    $0.memories = [MemoryConfiguration(MovingAverage.Settings())]
  },
  // The expected losses are those of the task.
  NetworkOption("\"balanceScale\":0,\"memories\":…") {
    NetworkOption.mixture.apply(&$0)
    $0.balanceScale = 0
  },
  NetworkOption("\"memory\":{\"kind\":\"stateSpace\"}") {
    $0.memories = [MemoryConfiguration(DiagonalStateSpace.Settings())]
  },
]

/// Largest difference of gradients per parameter, relative to the largest value of that parameter's
/// gradient.
func difference(_ found: [Tensor], _ expected: [Tensor]) -> Double {
  zip(found, expected).reduce(0) { worst, pair in
    let largest = pair.1.doubles.reduce(0) { max($0, abs($1)) }
    let difference = zip(pair.0.doubles, pair.1.doubles).reduce(0) { max($0, abs($1.0 - $1.1)) }
    return max(worst, difference == 0 ? 0 : difference / largest)
  }
}

extension RecordedBatch where M == LanguageNetwork, Input == TokenWindow {
  /// A batch with carried state.
  convenience init(
    carrying network: LanguageNetwork, streams: Int, length: Int, horizon: Int = 1,
    replay: Bool = false
  ) {
    self.init(
      ofLossAt: network, windows: streams, length: length,
      carrying: Carry(horizon: horizon, replay: replay))
  }

  /// Fills each item with tokens and a draw that depend on the seed.
  func fill(seed: UInt64) {
    for (item, window) in inputs.enumerated() {
      let seed = 100 * seed + UInt64(item)
      window.overwrite(
        inputs: tokens(window.length, seed: seed)[...],
        targets: tokens(window.length, seed: 50 + seed)[...])
      window.draw.overwrite(seed: 1, number: seed)
    }
  }

  /// Values, gradients and final states of three runs on different tokens.
  func threeRuns() -> (values: [Double], gradients: [[Tensor]], states: [Trunk.State?]) {
    var (values, gradients): ([Double], [[Tensor]]) = ([], [])
    for seed in 1...3 as ClosedRange<UInt64> {
      fill(seed: seed)
      values.append(run())
      gradients.append(gradient.tensors)
    }
    return (values, gradients, states)
  }
}
