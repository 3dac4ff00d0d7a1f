import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SiLUGateTests {
  @Test(arguments: [[1], [4, 5], [3, 33], [1100]])
  func gradients(_ shape: [Int]) {
    expectGradients(
      of: { $0[0].gated(bySiLUOf: $0[1]) },
      at: [.random(shape, seed: 1), .random(shape, seed: 2)])
    // A variable that gates itself has both gradients.
    expectGradients(of: { $0[0].gated(bySiLUOf: $0[0]) }, at: [.random(shape, seed: 3)])
  }
}
