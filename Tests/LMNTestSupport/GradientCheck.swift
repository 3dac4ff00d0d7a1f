public import LMNAutodiff
public import LMNKernels
public import Testing

/// Expects an operation's gradients to be the slopes of its values, on the reference kernels.
///
/// For a random cotangent u and, per input, a random direction v, the slope of ⟨u, f(x + h·v)⟩ in h
/// has to be ⟨pullback(u), v⟩. Ones instead of a random u, which is what the gradient of a sum comes
/// to, would let a pullback pass that ignores its cotangent.
///
/// - Parameters:
///   - operation: f, of variables with the values of `inputs`; inputs it does not use count as ones
///     of slope 0.
///   - inputs: x; a direction is as long as its input, or of unit variance where that is 0.
///   - step: h.
///   - tolerance: For ``gradientErrors(of:at:step:seed:)``. Rounding of the values gives
///     2⁻²⁴ / h ≈ 1e-5 of error per rounding on the way to them, cutting off the slope's series
///     h² / 6 ≈ 1e-5 times the third derivative; a term that is missing or wrong gives about 1.
///   - seed: Of u and the directions.
///   - sourceLocation: Where failures are reported.
public func expectGradients(
  of operation: ([Variable]) -> Variable, at inputs: [Tensor], step: Float = 1 / 128,
  tolerance: Double = 1e-3, seed: UInt64 = 1, sourceLocation: SourceLocation = #_sourceLocation
) {
  let errors = gradientErrors(of: operation, at: inputs, step: step, seed: seed)
  for (index, error) in errors.enumerated() where error > tolerance {
    Issue.record(
      "the gradient of input \(index), \(inputs[index].shape), is off by \(error), seed \(seed)",
      sourceLocation: sourceLocation)
  }
}

/// How far an operation's gradients are from the slopes of its values, per input.
///
/// The unit is |f(x)| plus the length of f's slope along v: ⟨u, slope⟩ has that slope's length as
/// its standard deviation, for u has variance 1 in every element, and the rounding of f(x) drowns
/// whatever is much smaller than f(x).
///
/// - Returns: Infinity for a gradient of the wrong shape and for one that is not a number.
public func gradientErrors(
  of operation: ([Variable]) -> Variable, at inputs: [Tensor], step: Float, seed: UInt64
) -> [Double] {
  computing(on: .reference) {
    var values = SeededValues(seed: seed)
    let parameters = inputs.map(Variable.init(parameter:))
    let result = operation(parameters)
    let cotangent = Tensor.random(result.value.shape, using: &values)
    let gradients = result.gradients(cotangent: cotangent)
    return inputs.enumerated().map { index, input in
      let random = Tensor.random(input.shape, using: &values)
      let size = length(input.doubles) / length(random.doubles)
      let direction = random.scaled(by: size > 0 ? Float(size) : 1)
      let gradient = gradients[parameters[index]] ?? Tensor(shape: input.shape, repeating: 0)
      guard gradient.shape == input.shape else { return .infinity }

      func moved(by step: Float) -> (input: Tensor, value: Tensor) {
        let scalars = zip(input.scalars, direction.scalars).map { $0 + step * $1 }
        var constants = inputs
        constants[index] = Tensor(shape: input.shape, scalars: scalars)
        return (constants[index], operation(constants.map(Variable.init(constant:))).value)
      }
      let (after, before) = (moved(by: step), moved(by: -step))
      let slope = (after.value - before.value).map { $0 / (2 * Double(step)) }
      // The step that rounding left of h·v, so that it is no source of error.
      let taken = (after.input - before.input).map { $0 / (2 * Double(step)) }

      let difference = abs(dot(cotangent.doubles, slope) - dot(gradient.doubles, taken))
      let unit = length(result.value.doubles) + length(slope)
      return difference == 0 ? 0 : (difference / unit).isNaN ? .infinity : difference / unit
    }
  }
}

extension Tensor {
  /// The values in double precision.
  public var doubles: [Double] { scalars.map(Double.init) }

  fileprivate static func - (left: Tensor, right: Tensor) -> [Double] {
    zip(left.doubles, right.doubles).map { $0 - $1 }
  }
}

private func dot(_ left: [Double], _ right: [Double]) -> Double {
  zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
}

private func length(_ values: [Double]) -> Double { dot(values, values).squareRoot() }
