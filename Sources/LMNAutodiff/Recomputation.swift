internal import LMNKernels

extension Variable {
  /// Results of a function whose intermediate values are not kept (arXiv 1604.06174).
  ///
  /// The backward pass computes them again, with the same bits.
  ///
  /// - Parameters:
  ///   - inputs: Everything that gradients are taken with respect to; other values are constants.
  ///   - function: The function; its results depend on nothing that changes between the passes.
  /// - Returns: The results, and whatever else the first call returned.
  public static func recomputing<Rest>(
    _ inputs: [Variable],
    _ function: @escaping @Sendable ([Variable]) -> (results: [Variable], rest: Rest)
  ) -> (results: [Variable], rest: Rest) {
    let (results, rest) = function(inputs.map(\.detached))
    let tracked = inputs.indices.filter { inputs[$0].source != nil }
    let values = inputs.map(\.value)
    let variables = Variable.results(
      results.map(\.value), of: tracked.map { inputs[$0] },
      sparsePullback: { cotangents in
        var again = values.map(Variable.init(constant:))
        for index in tracked {
          again[index] = Variable(parameter: values[index], inPlaceOf: inputs[index])
        }
        let seeds = zip(function(again).results, cotangents).compactMap { result, cotangent in
          cotangent.map { (result: result, cotangent: $0) }
        }
        let gradients = LMNAutodiff.gradients(of: seeds)
        return tracked.map { gradients[again[$0]] }
      })
    return (variables, rest)
  }
}
