internal import CLMN

extension Tensor {
  /// Elementwise sum with a tensor of the same shape.
  public func adding(_ other: Tensor) -> Tensor {
    let sum = Tensor(uninitialized: shape)
    sum.overwrite(withSumOf: [self, other])
    return sum
  }

  /// Replaces the values by the sum of `terms`, added in order, even if their memory is shared;
  /// `self` may be one of the terms.
  ///
  /// - Precondition: There are 1 to ``mostTerms``, all of this shape.
  package func overwrite(withSumOf terms: [Tensor], in context: ExecutionContext = .current) {
    precondition(
      (1...mostTerms).contains(terms.count) && terms.allSatisfy { $0.shape == shape },
      "sum: \(terms.count) terms of shapes \(terms.map(\.shape)), not \(shape)")
    var arguments = lmn_sum()
    arguments.count = count
    arguments.terms = terms.count
    arguments.sum = output
    withUnsafeMutableBytes(of: &arguments.values) { values in
      let values = values.assumingMemoryBound(to: UnsafePointer<Float>?.self)
      for (index, term) in terms.enumerated() { values[index] = term.base }
    }
    context.run(lmn_sum_forward, arguments, on: self, terms)
  }
}

extension Tensor {
  /// Adds a tensor of the same shape in place, or copies it if it is the first of a sum, even if the
  /// memory is shared; not recorded, allocates nothing.
  package func accumulate(_ term: Tensor, isFirst: Bool, in context: ExecutionContext) {
    precondition(term.shape == shape, "sum: a term of shape \(term.shape), not \(shape)")
    var arguments = lmn_sum()
    arguments.count = count
    arguments.terms = isFirst ? 1 : 2
    arguments.sum = output
    withUnsafeMutableBytes(of: &arguments.values) { values in
      let values = values.assumingMemoryBound(to: UnsafePointer<Float>?.self)
      (values[0], values[1]) = (isFirst ? term.base : base, term.base)
    }
    withExtendedLifetime((self, term)) { lmn_sum_forward(context.kernels, &arguments) }
  }
}

/// Largest number of terms of a sum.
package let mostTerms = Int(LMN_MOST_TERMS)
