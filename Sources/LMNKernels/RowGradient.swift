internal import CLMN

/// Bags that one computation has looked up in a table, and the cotangents of their vectors: copies,
/// so that the computation may run again.
///
/// `@unchecked Sendable`: it is changed by one thread at a time.
package final class StoredLookups: @unchecked Sendable {
  fileprivate private(set) var ids: [Int32] = []
  /// Number of ids of each bag.
  fileprivate private(set) var counts: [Int] = []
  fileprivate private(set) var scales: [Float] = []
  /// Cotangents of the vectors, `[B, E]`.
  fileprivate private(set) var cotangents: [Float] = []

  package init() {}

  /// Removes all lookups; keeps their memory.
  package func removeAll() {
    ids.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
    scales.removeAll(keepingCapacity: true)
    cotangents.removeAll(keepingCapacity: true)
  }

  /// Adds a copy of bags and of the cotangents `[B, E]` of their vectors.
  package func add(_ bags: Bags, cotangent: Tensor) {
    ids.append(contentsOf: bags.elements)
    for bag in 0..<bags.count {
      counts.append(Int(bags.offsets[bag + 1] - bags.offsets[bag]))
      scales.append(bags.scales[bag])
    }
    cotangent.withScalars {
      cotangents.append(contentsOf: UnsafeBufferPointer(start: $0, count: cotangent.count))
    }
  }
}

/// Gradient of a table `[V, E]` of which only bags of rows were looked up: a gradient for each of
/// these rows, zero for the others.
///
/// It takes time and memory in proportion to the lookups, not to the table. Rows are in the order in
/// which they first occur, and sums in the order of the lookups: bits do not depend on threads.
///
/// `@unchecked Sendable`: its owner changes it between uses.
public final class RowGradient: @unchecked Sendable {
  /// Shape `[V, E]` of the table.
  public let shape: [Int]
  /// Rows with a gradient, all different.
  public private(set) var rows: [Int32] = []
  /// Per row of the table its place in `rows`; -1 for none.
  private var places: [Int32]
  /// Gradients of the rows, `[M, E]`; memory for more rows may follow.
  private(set) var values = Tensor(shape: [0], repeating: 0)
  private var ids: [Int32] = []
  private var offsets: [Int32] = []
  private var scales: [Float] = []
  private var cotangents: [Float] = []

  /// The gradient 0 of a table of this shape.
  package init(shape: [Int]) {
    self.shape = shape
    places = .init(repeating: -1, count: shape[0])
  }

  /// Replaces the gradient by that of the given lookups, which are added in order.
  package func overwrite(withSumOf lookups: [StoredLookups], in context: ExecutionContext) {
    for row in rows { places[Int(row)] = -1 }
    rows.removeAll(keepingCapacity: true)
    ids.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    scales.removeAll(keepingCapacity: true)
    cotangents.removeAll(keepingCapacity: true)
    offsets.append(0)
    for lookup in lookups {
      for id in lookup.ids {
        if places[Int(id)] < 0 {
          places[Int(id)] = Int32(rows.count)
          rows.append(id)
        }
        ids.append(places[Int(id)])
      }
      for count in lookup.counts { offsets.append(offsets.last! + Int32(count)) }
      scales.append(contentsOf: lookup.scales)
      cotangents.append(contentsOf: lookup.cotangents)
    }
    let (rowCount, width) = (rows.count, shape[1])
    if values.count < rowCount * width {
      values = Tensor(shape: [2 * rowCount * width], repeating: 0)
    }
    values.overwrite { values in
      var arguments = lmn_embedding_bag_grad()
      (arguments.bags, arguments.vocabulary, arguments.width) = (scales.count, rowCount, width)
      arguments.d_table = values
      offsets.withUnsafeBufferPointer { offsets in
        ids.withUnsafeBufferPointer { ids in
          scales.withUnsafeBufferPointer { scales in
            cotangents.withUnsafeBufferPointer { cotangents in
              arguments.offsets = offsets.baseAddress
              arguments.ids = ids.baseAddress
              arguments.scales = scales.baseAddress
              arguments.d_vectors = cotangents.baseAddress
              lmn_embedding_bag_backward(context.kernels, &arguments)
            }
          }
        }
      }
    }
  }

  /// Number of values of the rows.
  private var count: Int { rows.count * shape[1] }

  /// Sum of the squares of all values.
  public var squaredNorm: Double { values.reshaped([values.count]).rows(0..<count).squaredNorm }

  /// The gradient as a tensor `[V, E]`.
  public var tensor: Tensor {
    let width = shape[1]
    return Tensor(shape: shape) { all in
      all.initialize(repeating: 0, count: shape[0] * width)
      values.withScalars { values in
        for (place, row) in rows.enumerated() {
          (all + Int(row) * width).update(from: values + place * width, count: width)
        }
      }
    }
  }
}
