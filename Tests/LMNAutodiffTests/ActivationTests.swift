import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct ActivationTests {
  /// ReLU has no slope at 0, so values are further from 0 than a step.
  @Test(arguments: Activation.allCases, [[1], [4, 5], [3, 33], [1100]])
  func gradients(_ activation: Activation, _ shape: [Int]) {
    let random = Tensor.random(shape, seed: 1)
    let x = Tensor(shape: shape, scalars: random.scalars.map { $0 < 0 ? $0 - 0.1 : $0 + 0.1 })
    expectGradients(of: { $0[0].activated(by: activation) }, at: [x])
  }

  @Test(arguments: zip(Activation.allCases, [0.5, 0.5, 0] as [Float]))
  func gradientsFarOutAreThoseOfARectifier(_ activation: Activation, atZero: Float) {
    let x = Tensor(shape: [5], scalars: [-1e30, -100, 0, 100, 1e30])
    let (_, gradients) = valueWithGradient(at: [x]) { $0[0].activated(by: activation) }
    expectClose(
      gradients[0].scalars, [0, 0, atZero, 1, 1], within: [Double](repeating: 1e-6, count: 5),
      "gradient")
  }

  @Test(arguments: [[1], [4, 5], [3, 33], [1100]])
  func gradientsOfASigmoid(_ shape: [Int]) {
    expectGradients(of: { $0[0].sigmoid() }, at: [.random(shape, seed: 1)])
  }

  @Test func gradientsOfASigmoidFarOutAreZero() {
    let x = Tensor(shape: [5], scalars: [-1e30, -100, 0, 100, 1e30])
    let (value, gradients) = valueWithGradient(at: [x]) { $0[0].sigmoid() }
    let bounds = [Double](repeating: 1e-30, count: 5)
    expectClose(value.scalars, [0, 0, 0.5, 1, 1], within: bounds, "value")
    expectClose(gradients[0].scalars, [0, 0, 0.25, 0, 0], within: bounds, "gradient")
  }

  @Test(arguments: [[1], [4, 5], [3, 33]])
  func gradientsOfALogSigmoid(_ shape: [Int]) {
    expectGradients(of: { $0[0].logSigmoid() }, at: [.random(shape, seed: 1)])
  }

  /// Slope 1 far below 0, slope 0 far above.
  @Test func gradientsOfALogSigmoidFarOut() {
    let x = Tensor(shape: [5], scalars: [-1e30, -100, 0, 100, 1e30])
    let (_, gradients) = valueWithGradient(at: [x]) { $0[0].logSigmoid() }
    expectClose(
      gradients[0].scalars, [1, 1, 0.5, 0, 0], within: [Double](repeating: 1e-6, count: 5),
      "gradient")
  }
}
