import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

/// The check that all other gradient tests rely on.
@Suite struct GradientCheckTests {
  private static let inputs = [Tensor.random([3, 5], seed: 1)]

  /// What each of these pullbacks makes of SiLU's.
  private static func error(_ pullback: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> Double {
    gradientErrors(
      of: { x in
        let value = x[0].value
        return Variable(value.silu(), x[0].edge { dy in pullback(value, dy) })
      }, at: inputs, step: 1 / 128, seed: 1)[0]
  }

  @Test func acceptsTheRightPullback() {
    #expect(Self.error { x, dy in x.siluPullback(dy) } < 1e-4)
  }

  /// It is right for a cotangent of ones, which is all that the gradient of a sum would ask for.
  @Test func rejectsAPullbackThatIgnoresItsCotangent() {
    let ones = Tensor(shape: [3, 5], repeating: 1)
    #expect(Self.error { x, _ in x.siluPullback(ones) } > 1e-2)
    withKnownIssue {
      expectGradients(
        of: { x in
          let value = x[0].value
          return Variable(value.silu(), x[0].edge { _ in value.siluPullback(ones) })
        }, at: Self.inputs)
    }
  }

  @Test func rejectsAPullbackThatIsSlightlyOff() {
    #expect(Self.error { x, dy in x.siluPullback(dy).scaled(by: 1.01) } > 1e-3)
  }

  @Test func rejectsAPullbackOfNothing() {
    #expect(Self.error { x, _ in Tensor(shape: x.shape, repeating: 0) } > 1e-2)
  }

  @Test func rejectsNotANumber() {
    #expect(Self.error { x, _ in Tensor(shape: x.shape, repeating: .nan) } == .infinity)
  }

  @Test func rejectsAnotherShape() {
    #expect(Self.error { x, dy in x.siluPullback(dy).reshaped([5, 3]) } == .infinity)
  }

  @Test func rejectsAGradientThatIsMissing() {
    let errors = gradientErrors(
      of: { $0[0] + Variable(constant: $0[1].value) }, at: [Self.inputs[0], Self.inputs[0]],
      step: 1 / 128, seed: 1)
    #expect(errors[0] < 1e-4)
    #expect(errors[1] > 1e-2)
  }
}
