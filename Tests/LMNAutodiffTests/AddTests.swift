import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AddTests {
  @Test(arguments: [[1], [3, 4], [2, 3, 5]])
  func gradients(_ shape: [Int]) {
    expectGradients(
      of: { $0[0] + $0[1] }, at: [.random(shape, seed: 1), .random(shape, seed: 2)])
  }
}
