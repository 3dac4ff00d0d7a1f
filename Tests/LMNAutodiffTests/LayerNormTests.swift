import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct LayerNormTests {
  @Test(arguments: [[1, 3], [1, 8], [5, 3], [16, 4], [3, 33], [600, 3]])
  func gradients(_ shape: [Int]) {
    expectGradients(
      of: { $0[0].layerNorm(gain: $0[1], bias: $0[2], epsilon: 1e-1) },
      at: [.random(shape, seed: 1), .random([shape[1]], seed: 2), .random([shape[1]], seed: 3)])
  }

  @Test func gradientsOfAConstantRowAreFinite() {
    let ones = Tensor(shape: [4], repeating: 1)
    let (value, gradients) = valueWithGradient(
      at: [Tensor(shape: [2, 4], repeating: 3), ones, ones]
    ) { $0[0].layerNorm(gain: $0[1], bias: $0[2], epsilon: 1e-5) }
    #expect(value.scalars.allSatisfy { $0 == 1 })
    #expect(gradients.allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
  }
}
