import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct ShortConvTests {
  /// Both results; segments shorter than the history, and empty ones.
  @Test(arguments: [1, 2, 4, 9], recurrenceSegments.indices)
  func gradients(taps: Int, _ index: Int) {
    let (segments, width) = (recurrenceSegments[index], 5)
    let inputs = [
      Tensor.random([segments.rows, width], seed: 1),
      Tensor.random([width, taps], seed: 2).scaled(by: 1 / Float(taps).squareRoot()),
      .random([segments.count, taps - 1, width], seed: 3),
    ]
    func results(_ v: [Variable]) -> (activated: Variable, nextHistory: Variable) {
      v[0].shortConv(taps: v[1], history: v[2], of: segments)
    }
    expectGradients(of: { results($0).activated }, at: inputs)
    guard taps > 1 else { return }
    expectGradients(of: { results($0).nextHistory }, at: inputs)
    expectGradients(
      of: { v in
        let found = results(v)
        let history = found.nextHistory.reshaped([segments.count * (taps - 1), width])
        return Variable.concatenatingRows([found.activated, history])
      }, at: inputs)
  }

  /// Gradients flow through the history to the rows of the part before.
  @Test(arguments: [1, 3, 20])
  func gradientsFlowThroughParts(length: Int) {
    let (taps, width) = (4, 3)
    expectGradients(
      of: { v in
        let first = v[0].shortConv(taps: v[2], history: v[3], of: Segments(rows: length))
        return v[1].shortConv(
          taps: v[2], history: first.nextHistory, of: Segments(rows: 5)
        ).activated
      },
      at: [
        .random([length, width], seed: 1), .random([5, width], seed: 2),
        Tensor.random([width, taps], seed: 3).scaled(by: 0.5),
        .random([1, taps - 1, width], seed: 4),
      ])
  }
}
