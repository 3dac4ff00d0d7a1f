import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct FeatureMapTests {
  /// ReLU has no slope at 0, so values are further from 0 than a step.
  @Test(arguments: FeatureMap.allCases, [[1, 1], [3, 4], [5, 33], [300, 6]])
  func gradients(_ map: FeatureMap, _ shape: [Int]) {
    let random = Tensor.random(shape, seed: 1)
    let x = Tensor(shape: shape, scalars: random.scalars.map { $0 < 0 ? $0 - 0.1 : $0 + 0.1 })
    for isNormalized in [true, false] {
      // A single value that is divided by its norm has no slope but that of epsilon.
      expectGradients(
        of: {
          $0[0].features(map, width: shape[1], isNormalized: isNormalized, scale: 0.7)
        }, at: [x])
    }
  }

  /// Rows of a tensor are divided into those of heads.
  @Test func gradientsOfHeads() {
    expectGradients(
      of: { $0[0].features(.elu, width: 4, isNormalized: true, scale: 2) },
      at: [.random([5, 12], seed: 1)])
  }

  @Test(arguments: [[1], [4, 5], [2, 3, 33], [0, 4], [3, 0]])
  func gradientsOfScaledValues(_ shape: [Int]) {
    let x = Tensor.random(shape, seed: 1)
    expectGradients(of: { $0[0].scaled(by: -1.5) }, at: [x])
    #expect(
      Variable(constant: x).scaled(by: -1.5).value.scalars == x.scalars.map { -1.5 * $0 })
  }
}
