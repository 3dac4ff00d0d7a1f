internal import CLMN

/// Bags of rows of a table, each with a scale, at stable addresses; their owner may overwrite them
/// between runs.
///
/// `@unchecked Sendable`: the owner does not overwrite bags while they are read.
public final class Bags: @unchecked Sendable, KernelOperand {
  /// B: number of bags.
  public let count: Int
  /// Largest number of ids of all bags together.
  public let capacity: Int
  let offsets, ids: UnsafeMutablePointer<Int32>
  let scales: UnsafeMutablePointer<Float>

  /// Creates empty bags with scale 1.
  ///
  /// - Parameters:
  ///   - count: Number of bags.
  ///   - capacity: Largest number of ids of all bags together.
  public init(count: Int, capacity: Int) {
    precondition(
      count > 0 && (0...Int(Int32.max)).contains(capacity), "Bags: \(count) with \(capacity) ids")
    (self.count, self.capacity) = (count, capacity)
    offsets = .allocate(capacity: count + 1)
    offsets.initialize(repeating: 0, count: count + 1)
    ids = .allocate(capacity: max(capacity, 1))
    ids.initialize(repeating: 0, count: max(capacity, 1))
    scales = .allocate(capacity: count)
    scales.initialize(repeating: 1, count: count)
  }

  /// Creates bags of the given ids and scales.
  public convenience init(_ bags: [(ids: [Token], scale: Float)]) {
    self.init(count: bags.count, capacity: bags.reduce(0) { $0 + $1.ids.count })
    for (bag, content) in bags.enumerated() { overwrite(bag, content.ids, scale: content.scale) }
  }

  deinit {
    offsets.deallocate()
    ids.deallocate()
    scales.deallocate()
  }

  /// Number of ids of all bags together.
  public var idCount: Int { Int(offsets[count]) }

  /// The ids of all bags, in order, valid while the bags live.
  package var elements: UnsafeBufferPointer<Token> {
    UnsafeBufferPointer(start: ids, count: idCount)
  }

  /// Replaces ids and scale of a bag, and empties the bags after it.
  ///
  /// - Precondition: The capacity suffices.
  package func overwrite(_ bag: Int, _ elements: some Sequence<Token>, scale: Float) {
    var end = Int(offsets[bag])
    for id in elements {
      precondition(end < capacity, "Bags: more than \(capacity) ids")
      ids[end] = id
      end += 1
    }
    for next in bag + 1...count { offsets[next] = Int32(end) }
    scales[bag] = scale
  }

  /// Copies the bags of an equal number, whose ids fit.
  package func overwrite(with other: Bags) {
    precondition(
      other.count == count && other.idCount <= capacity,
      "Bags: \(other.count) with \(other.idCount) ids for \(count) with \(capacity)")
    offsets.update(from: other.offsets, count: count + 1)
    ids.update(from: other.ids, count: other.idCount)
    scales.update(from: other.scales, count: count)
  }

  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

extension Tensor {
  /// Scaled sums of rows of a table, one per bag (the bags of arXiv 1607.01759).
  ///
  ///     vectors[b] = scale[b] · Σ self[id], over the ids of bag b
  ///
  /// - Parameter bags: B bags.
  /// - Returns: `[B, E]` for `self` of `[V, E]`.
  /// - Precondition: Every id is in 0 ..< V.
  public func embeddingBag(of bags: Bags) -> Tensor {
    for (index, id) in bags.elements.enumerated() {
      expectToken(id, below: shape[0], operation: "embeddingBag", "at \(index)")
    }
    let vectors = Tensor(uninitialized: [bags.count, shape[1]])
    ExecutionContext.current.run(
      lmn_embedding_bag_forward,
      lmn_embedding_bag(
        bags: bags.count, vocabulary: shape[0], width: shape[1], offsets: bags.offsets,
        ids: bags.ids, scales: bags.scales, table: base, vectors: vectors.output),
      on: self, bags, vectors)
    return vectors
  }

  /// Pullback of ``embeddingBag(of:)``: the cotangent of the table given that of the vectors.
  ///
  /// - Parameters:
  ///   - bags: As given to the forward operation.
  ///   - vocabularySize: V.
  /// - Returns: `[V, E]`; `self` is the cotangent, `[B, E]`.
  public func embeddingBagPullback(of bags: Bags, vocabularySize: Int) -> Tensor {
    precondition(
      shape.count == 2 && shape[0] == bags.count,
      "embeddingBagPullback: \(shape) of \(bags.count) bags")
    let d_table = Tensor(uninitialized: [vocabularySize, shape[1]])
    ExecutionContext.current.run(
      lmn_embedding_bag_backward,
      lmn_embedding_bag_grad(
        bags: bags.count, vocabulary: vocabularySize, width: shape[1], offsets: bags.offsets,
        ids: bags.ids, scales: bags.scales, d_vectors: base, d_table: d_table.output),
      on: self, bags, d_table)
    return d_table
  }
}
