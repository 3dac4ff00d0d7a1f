import LMN

#if OpenBLAS
  import CLMN
  import COpenBLAS

  /// Product of OpenBLAS on memory that is allocated beforehand.
  ///
  /// Every thread computes a share of the rows by a call of its own, on one thread: OpenBLAS's own
  /// threads would compete with LMN's.
  private final class OpenBLASProduct {
    let isTransposed: Bool
    let rows, inner, columns: Int
    let left, right, product: UnsafeMutableBufferPointer<Float>

    init(_ left: Tensor, _ right: Tensor, transposed: Bool) {
      isTransposed = transposed
      rows = left.shape[transposed ? 1 : 0]
      inner = left.shape[transposed ? 0 : 1]
      columns = right.shape[1]
      self.left = Self.copy(left.scalars)
      self.right = Self.copy(right.scalars)
      product = Self.copy([Float](repeating: 0, count: rows * columns))
    }

    deinit { for buffer in [left, right, product] { buffer.deallocate() } }

    private static func copy(_ values: [Float]) -> UnsafeMutableBufferPointer<Float> {
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 4 * max(1, values.count), alignment: 64
      ).bindMemory(to: Float.self)
      _ = buffer.initialize(from: values)
      return buffer
    }

    /// Rows of a unit: a multiple of the rows of every register tile of OpenBLAS.
    private static let unit = 48

    func run(in context: ExecutionContext) {
      let units = (rows + Self.unit - 1) / Self.unit
      if context.threadCount == 1 { return compute(0..<units) }
      lmn_parallel_for(
        lmn_context(isa: lmn_isa_selected(), threads: context.threadCount),
        { product, begin, end in
          Unmanaged<OpenBLASProduct>.fromOpaque(product!).takeUnretainedValue()
            .compute(begin..<end)
        }, Unmanaged.passUnretained(self).toOpaque(), units, 1)
    }

    private func compute(_ units: Range<Int>) {
      let first = units.lowerBound * Self.unit
      let count = min(units.upperBound * Self.unit, rows) - first
      let width = isTransposed ? rows : inner
      cblas_sgemm(
        CblasRowMajor, isTransposed ? CblasTrans : CblasNoTrans, CblasNoTrans, blasint(count),
        blasint(columns), blasint(inner), 1,
        left.baseAddress! + (isTransposed ? first : first * inner),
        blasint(width), right.baseAddress!, blasint(columns), 0,
        product.baseAddress! + first * columns, blasint(columns))
    }
  }

  extension KernelBenchmark {
    /// left · right, or leftᵀ · right, by OpenBLAS.
    func productByOpenBLAS(_ left: Tensor, _ right: Tensor, transposed: Bool = false) -> (
      () -> Void
    )? {
      openblas_set_num_threads(1)
      let product = OpenBLASProduct(left, right, transposed: transposed)
      return { product.run(in: context) }
    }
  }
#else
  extension KernelBenchmark {
    /// Nil without OpenBLAS.
    func productByOpenBLAS(_ left: Tensor, _ right: Tensor, transposed: Bool = false) -> (
      () -> Void
    )? { nil }
  }
#endif
