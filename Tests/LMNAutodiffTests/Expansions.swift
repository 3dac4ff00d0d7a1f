import LMNAutodiff
import LMNKernels
import LMNTestSupport

/// Weight and bias of an expansion; empty for a tree without one.
func expansionInputs(of shape: TreeShape, width: Int) -> [Tensor] {
  guard shape.expansion > 0 else { return [] }
  let taps = 1 + shape.expansion
  return [
    .random([taps, width, width], seed: 8).scaled(by: 1 / Float(taps * width).squareRoot()),
    .random([width], seed: 9),
  ]
}

/// Expansion of these inputs; nil for a tree without one.
func expansion(of shape: TreeShape, _ inputs: ArraySlice<Variable>) -> ExpansionVariables? {
  shape.expansion > 0 ? (inputs[inputs.startIndex], inputs[inputs.startIndex + 1]) : nil
}
