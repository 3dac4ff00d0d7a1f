import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport

/// Affine map of rows in double precision, with error bounds for kernels: each output has `inputs`
/// products and sums, a bias and one final rounding.
func plainLinear(_ x: [Double], _ linear: Linear) -> (values: [Double], bounds: [Double]) {
  let (weight, bias) = (linear.weight.value.doubles, linear.bias.value.doubles)
  let (outputs, inputs) = (bias.count, weight.count / bias.count)
  var (values, bounds): ([Double], [Double]) = ([], [])
  for row in 0..<x.count / inputs {
    for output in 0..<outputs {
      let products = (0..<inputs).map { x[row * inputs + $0] * weight[output * inputs + $0] }
      values.append(products.reduce(bias[output], +))
      let magnitude = products.reduce(abs(bias[output])) { $0 + abs($1) }
      bounds.append(Rounding.error(inputs + 2) * magnitude)
    }
  }
  return (values, bounds)
}

/// A layer with parameters drawn with seed 1.
func drawn<M: Module>(_ make: (inout ParameterSource) -> M) -> M {
  var source = ParameterSource(seed: 1)
  return make(&source)
}
