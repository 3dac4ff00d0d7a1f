import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

/// The check that all other gradient tests rely on.
@Suite struct GradientCheckTests {
  private static let inputs = [Tensor.random([3, 5], seed: 1)]

  /// Errors of SiLU with its value modified by `change` and its gradient replaced by `pullback`.
  private static func errors(
    changing change: @escaping (Tensor) -> Tensor = { $0 },
    on instructionSet: InstructionSet = .reference,
    _ pullback: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> (value: Double, gradients: [Double]) {
    GradientCheck(
      of: { x in
        let value = x[0].value
        return Variable(change(value.silu()), x[0].edge { dy in pullback(value, dy) })
      }, at: inputs, step: 1 / 128, seed: 1
    ).errors(on: instructionSet)
  }

  /// Error of SiLU's gradient computed by `pullback`.
  private static func error(_ pullback: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> Double {
    errors(pullback).gradients[0]
  }

  @Test(arguments: InstructionSet.available)
  func acceptsTheRightPullbackOnEverySet(_ instructionSet: InstructionSet) {
    let (value, gradients) = Self.errors(on: instructionSet) { x, dy in x.siluPullback(dy) }
    #expect(value <= Rounding.error(8))
    #expect(gradients[0] < 1e-4)
  }

  /// Slopes come from the reference, so a gradient that agrees with a wrong value fails too.
  @Test(arguments: InstructionSet.available.filter { $0 != .reference })
  func rejectsAnErrorOnOneSetAlone(_ instructionSet: InstructionSet) {
    @Sendable func scaled(_ tensor: Tensor) -> Tensor {
      let isReference = ExecutionContext.current.instructionSet == .reference
      return isReference ? tensor : tensor.scaled(by: 1.01)
    }
    let (value, gradients) = Self.errors(changing: scaled, on: instructionSet) { x, dy in
      scaled(x.siluPullback(dy))
    }
    #expect(value > 5e-3)
    #expect(gradients[0] > 1e-3)
    withKnownIssue {
      expectGradients(
        of: { x in
          let value = x[0].value
          return Variable(value.silu(), x[0].edge { dy in scaled(value.siluPullback(dy)) })
        }, at: Self.inputs, on: [instructionSet])
    }
  }

  @Test func acceptsTheRightPullback() {
    #expect(Self.error { x, dy in x.siluPullback(dy) } < 1e-4)
  }

  /// The pullback is right for a cotangent of ones, the only one in the gradient of a sum.
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

  @Test(arguments: InstructionSet.available.filter { $0 != .reference })
  func rejectsAValueOfNotANumber(_ instructionSet: InstructionSet) {
    func spoilt(_ value: Tensor) -> Tensor {
      let isReference = ExecutionContext.current.instructionSet == .reference
      return isReference ? value : Tensor(shape: value.shape, repeating: .nan)
    }
    let (value, _) = Self.errors(changing: spoilt, on: instructionSet) { x, dy in
      x.siluPullback(dy)
    }
    #expect(value == .infinity)
  }

  @Test func rejectsAGradientThatIsMissing() {
    let errors = GradientCheck(
      of: { $0[0] + Variable(constant: $0[1].value) }, at: [Self.inputs[0], Self.inputs[0]],
      step: 1 / 128, seed: 1
    ).errors(on: .reference).gradients
    #expect(errors[0] < 1e-4)
    #expect(errors[1] > 1e-2)
  }
}
