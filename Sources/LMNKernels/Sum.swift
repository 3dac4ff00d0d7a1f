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

/// Largest number of terms of a sum.
package let mostTerms = Int(LMN_MOST_TERMS)
