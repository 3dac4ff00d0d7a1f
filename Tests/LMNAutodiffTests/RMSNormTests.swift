import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RMSNormTests {
  @Test(arguments: [[1, 2], [1, 8], [5, 3], [16, 4], [3, 33], [600, 3]])
  func gradients(_ shape: [Int]) {
    expectGradients(
      of: { $0[0].rmsNorm(gain: $0[1], epsilon: 1e-3) },
      at: [.random(shape, seed: 1), .random([shape[1]], seed: 2)])
  }

  @Test func gradientsOfAZeroRowAreFinite() {
    let (value, gradients) = valueWithGradient(
      at: [Tensor(shape: [2, 4], repeating: 0), Tensor(shape: [4], repeating: 1)]
    ) { $0[0].rmsNorm(gain: $0[1], epsilon: 1e-7) }
    #expect(value.scalars.allSatisfy { $0 == 0 })
    #expect(gradients.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
  }
}
