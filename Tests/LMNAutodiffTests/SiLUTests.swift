import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SiLUTests {
  @Test(arguments: [[1], [4, 5], [3, 33]])
  func gradients(_ shape: [Int]) {
    expectGradients(of: { $0[0].silu() }, at: [.random(shape, seed: 1)])
  }

  @Test func gradientsFarOutAreThoseOfARectifier() {
    let x = Tensor(shape: [5], scalars: [-1e30, -100, 0, 100, 1e30])
    let (_, gradients) = valueWithGradient(at: [x]) { $0[0].silu() }
    expectClose(
      gradients[0].scalars, [0, 0, 0.5, 1, 1], within: [Double](repeating: 1e-6, count: 5),
      "gradient")
  }
}
