import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct PredictionErrorTests {
  @Test(arguments: PredictionError.allCases, [[1, 1], [3, 4], [2, 17]])
  func gradients(_ kind: PredictionError, _ shape: [Int]) {
    let weights = Tensor.random(shape, seed: 1)
    // Targets further from the predictions than a step: an absolute difference has no slope at 0.
    let targets = Tensor(shape: shape, repeating: 8)
    expectGradients(
      of: { $0[0].predictionErrors(kind, targets: targets, weights: weights) },
      at: [.random(shape, seed: 2)])
    guard kind == .absolute else { return }
    let quantiles = Tensor.random(shape, seed: 3)
    expectGradients(
      of: {
        $0[0].predictionErrors(kind, targets: targets, weights: weights, quantiles: quantiles)
      }, at: [.random(shape, seed: 2)])
  }
}
