public import LMNAutodiff
public import LMNKernels
public import Testing

/// Expects an operation's gradients on every instruction set to agree with the slopes of its values
/// by the reference kernels, and its values with the reference's.
///
/// For a random cotangent u and, per input, a random direction v, the slope of ⟨u, f(x + h·v)⟩ in h
/// has to be ⟨pullback(u), v⟩. With ones in place of a random u, as in the gradient of a sum, a
/// pullback that ignores its cotangent would pass.
///
/// - Parameters:
///   - operation: f, of variables with the values of `inputs`; unused inputs have slope 0.
///   - inputs: x; a direction has the length of its input, or unit variance if that is 0.
///   - instructionSets: Instruction sets that compute values and gradients.
///   - step: h.
///   - tolerance: Bound of ``GradientCheck/errors(on:)``. Rounding of the reference's values
///     contributes 2⁻²⁴ / h ≈ 1e-5 per rounding, truncation of the slope's series h² / 6 ≈ 1e-5
///     times the third derivative; a missing or wrong term contributes about 1.
///   - roundings: Length of the longest chain of roundings in float32 sums: instruction sets other
///     than the reference may differ by `Rounding.error(roundings)` more. The default allows 6e-5.
///     Slopes have no such sums, so it is not divided by h.
///   - seed: Random seed of u and the directions.
///   - sourceLocation: Source location of failures.
public func expectGradients(
  of operation: @escaping ([Variable]) -> Variable, at inputs: [Tensor],
  on instructionSets: [InstructionSet] = InstructionSet.available, step: Float = 1 / 128,
  tolerance: Double = 1e-3, roundings: Int = 1024, seed: UInt64 = 1,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let check = GradientCheck(of: operation, at: inputs, step: step, seed: seed)
  for instructionSet in instructionSets {
    let errors = check.errors(on: instructionSet)
    let bound = tolerance + (instructionSet == .reference ? 0 : Rounding.error(roundings))
    if !(errors.value <= bound) {
      Issue.record(
        "on \(instructionSet) the value is off by \(errors.value), seed \(seed)",
        sourceLocation: sourceLocation)
    }
    for (index, error) in errors.gradients.enumerated() where !(error <= bound) {
      Issue.record(
        """
        on \(instructionSet) the gradient of input \(index), \(inputs[index].shape), is off by \
        \(error), seed \(seed)
        """, sourceLocation: sourceLocation)
    }
  }
}

/// An operation at a point, with value and slopes by the reference kernels.
///
/// These sum in double precision. Slopes of values summed in float32 would have 1 / h times the
/// rounding errors of those sums.
public struct GradientCheck {
  private let operation: ([Variable]) -> Variable
  private let inputs: [Tensor]
  private let value, cotangent: Tensor
  private let slopes: [Slope]

  /// Slope of the value along a direction of one input.
  private struct Slope {
    /// Slope of each element of the value.
    let slope: [Double]
    /// The direction, as rounded in the steps.
    let taken: [Double]
  }

  /// Computes value and slopes at `inputs` by central differences of width 2 · `step`, along random
  /// directions.
  public init(
    of operation: @escaping ([Variable]) -> Variable, at inputs: [Tensor], step: Float, seed: UInt64
  ) {
    func value(at inputs: [Tensor]) -> Tensor {
      operation(inputs.map(Variable.init(constant:))).value
    }
    self.operation = operation
    self.inputs = inputs
    (self.value, cotangent, slopes) = computing(on: .reference) {
      var values = SeededValues(seed: seed)
      let result = value(at: inputs)
      let cotangent = Tensor.random(result.shape, using: &values)
      let slopes = inputs.enumerated().map { index, input in
        let random = Tensor.random(input.shape, using: &values)
        let size = length(input.doubles) / length(random.doubles)
        let direction = random.scaled(by: size > 0 ? Float(size) : 1)

        func moved(by step: Float) -> (input: Tensor, value: Tensor) {
          let scalars = zip(input.scalars, direction.scalars).map { $0 + step * $1 }
          var moved = inputs
          moved[index] = Tensor(shape: input.shape, scalars: scalars)
          return (moved[index], value(at: moved))
        }
        let (after, before) = (moved(by: step), moved(by: -step))
        let (width, change) = (2 * Double(step), after.value - before.value)
        return Slope(
          slope: change.map { $0 / width }, taken: (after.input - before.input).map { $0 / width })
      }
      return (result, cotangent, slopes)
    }
  }

  /// Errors of an instruction set: of its value, relative to the reference's, and of its gradients,
  /// relative to the slopes, per input.
  ///
  /// The unit is |f(x)|, for a gradient plus the length of f's slope along v. That length is the
  /// standard deviation of ⟨u, slope⟩, since u has variance 1 in every element; |f(x)| is included
  /// because the rounding of f(x) hides slopes that are much smaller.
  ///
  /// - Returns: Errors; infinity for a result of the wrong shape and for NaN.
  public func errors(on instructionSet: InstructionSet) -> (value: Double, gradients: [Double]) {
    computing(on: instructionSet) {
      let parameters = inputs.map(Variable.init(parameter:))
      let result = operation(parameters)
      guard result.value.shape == value.shape else {
        return (.infinity, inputs.map { _ in .infinity })
      }
      let gradients = result.gradients(cotangent: cotangent)
      let size = length(value.doubles)
      let errors = inputs.indices.map { index in
        let shape = inputs[index].shape
        let gradient = gradients[parameters[index]] ?? Tensor(shape: shape, repeating: 0)
        guard gradient.shape == shape else { return Double.infinity }
        let (slope, taken) = (slopes[index].slope, slopes[index].taken)
        let difference = dot(cotangent.doubles, slope) - dot(gradient.doubles, taken)
        return share(difference, of: size + length(slope))
      }
      return (share(length(result.value - value), of: size), errors)
    }
  }
}

/// |`difference`| / `unit`; infinity if that is NaN.
private func share(_ difference: Double, of unit: Double) -> Double {
  let share = abs(difference) / unit
  return difference == 0 ? 0 : share.isNaN ? .infinity : share
}

extension Tensor {
  /// Values in double precision.
  public var doubles: [Double] { scalars.map(Double.init) }

  fileprivate static func - (left: Tensor, right: Tensor) -> [Double] {
    zip(left.doubles, right.doubles).map { $0 - $1 }
  }
}

private func dot(_ left: [Double], _ right: [Double]) -> Double {
  zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
}

private func length(_ values: [Double]) -> Double { dot(values, values).squareRoot() }
