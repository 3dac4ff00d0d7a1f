import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RotaryTests {
  @Test(arguments: [(1, 1, 0), (2, 1, 3), (3, 2, 1), (8, 3, 5)])
  func gradients(pairs: Int, heads: Int, others: Int) {
    let rotary = Rotary(frequencies: Buffer((0..<pairs).map { 0.1 / Double(1 + $0) }))
    let positions = PositionBuffer([5, 0, 17, 1_000_003])
    expectGradients(
      of: { $0[0].rotated(by: rotary, heads: heads, at: positions) },
      at: [.random([4, 2 * pairs * heads + others], seed: 1)])
  }
}
