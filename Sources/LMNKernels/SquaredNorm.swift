internal import CLMN

extension Tensor {
  /// The sum of the squares of all values; not finite exactly when a value is not, or a block of
  /// squares overflows.
  public var squaredNorm: Double {
    let block = Int(LMN_SQUARED_NORM_BLOCK)
    let partial = Tensor(shape: [(count + block - 1) / block]) { partial in
      withExtendedLifetime(self) {
        var arguments = lmn_squared_norm(count: count, values: base, partial: partial)
        lmn_squared_norm_forward(ExecutionContext.current.kernels, &arguments)
      }
    }
    return partial.scalars.reduce(0) { $0 + Double($1) }
  }
}
