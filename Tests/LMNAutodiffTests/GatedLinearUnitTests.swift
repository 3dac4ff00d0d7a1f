import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GatedLinearUnitTests {
  @Test(arguments: [[1, 2], [5, 6], [16, 34], [600, 4]])
  func gradients(_ shape: [Int]) {
    expectGradients(of: { $0[0].gatedLinearUnit() }, at: [.random(shape, seed: 1)])
  }
}
