import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct HeadDecayTests {
  @Test(arguments: [[1, 1], [4, 3], [5, 33], [600, 5]])
  func gradients(_ shape: [Int]) {
    expectGradients(
      of: { $0[0].headDecay(logRate: $0[1], bias: $0[2]) },
      at: [.random(shape, seed: 1), .random([shape[1]], seed: 2), .random([shape[1]], seed: 3)])
  }

  /// Slope -1 times the rate far above 0, none far below.
  @Test func gradientsFarOut() {
    let (_, gradients) = valueWithGradient(at: [Tensor(shape: [2, 1], scalars: [-100, 100])]) {
      let zero = Variable(constant: Tensor(shape: [1], repeating: 0))
      return $0[0].headDecay(logRate: zero, bias: zero)
    }
    expectClose(gradients[0].scalars, [0, -1], within: [1e-6, 1e-6], "gradient")
  }
}
