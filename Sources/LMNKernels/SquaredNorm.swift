internal import CLMN

extension Tensor {
  /// Sum of the squares of all values; not finite if and only if a value is not finite or the sum
  /// of a block of squares overflows.
  public var squaredNorm: Double {
    let block = Int(LMN_SQUARED_NORM_BLOCK)
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: (count + block - 1) / block) {
      partial in
      ExecutionContext.current.run(
        lmn_squared_norm_forward,
        lmn_squared_norm(count: count, values: base, partial: partial.baseAddress), on: self)
      return partial.reduce(0) { $0 + Double($1) }
    }
  }
}
