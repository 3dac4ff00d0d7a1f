import LMN

/// Floating-point operations and memory traffic of a benchmark; counted only here.
struct Cost {
  /// Floating-point operations; an exponential and its surroundings count as 12.
  let operations: Double
  /// Bytes read and written, each value once.
  let bytes: Double

  init(operations: Double, bytes: Double) {
    self.operations = operations
    self.bytes = bytes
  }

  init(operations: Int, values: Int) {
    self.init(operations: Double(operations), bytes: 4 * Double(values))
  }
}

// MARK: - Matrices

extension Cost {
  /// Cost of `[rows, inner] · [inner, columns]`, or of either gradient.
  static func matmul(rows: Int, inner: Int, columns: Int) -> Cost {
    Cost(
      operations: 2 * rows * inner * columns,
      values: rows * (inner + columns) + inner * columns)
  }

  /// Cost of an elementwise operation on `arrays` arrays, with `operations` per element.
  static func elementwise(_ count: Int, operations: Int, arrays: Int) -> Cost {
    Cost(operations: operations * count, values: arrays * count)
  }
}

// MARK: - Trees

extension Cost {
  static func affineSummary(of work: BenchmarkTree) -> Cost {
    let (e, r, made) = (work.width, work.shape.arity, work.tree.made)
    return Cost(
      operations: 2 * r * made * e * e,
      values: (r + 1) * made * e + r * work.shape.banks * e * e)
  }

  static func affineSummaryBackward(of work: BenchmarkTree) -> Cost {
    let (e, r, made) = (work.width, work.shape.arity, work.tree.made)
    return Cost(
      operations: 4 * r * made * e * e,
      values: 2 * (r + 1) * made * e + 2 * r * work.shape.banks * e * e)
  }

  /// Cost of an expansion, without the summary: 1 + g products per slot of a child.
  static func expansion(of work: BenchmarkTree) -> Cost {
    let (e, taps, slots) = (work.width, 1 + work.shape.expansion, work.tree.childSlots)
    return Cost(operations: 2 * taps * slots * e * e, values: 3 * slots * e + taps * e * e)
  }

  static func expansionBackward(of work: BenchmarkTree) -> Cost {
    let (e, taps, slots) = (work.width, 1 + work.shape.expansion, work.tree.childSlots)
    return Cost(operations: 4 * taps * slots * e * e, values: 6 * slots * e + 2 * taps * e * e)
  }

  static func separableConv(of work: BenchmarkTree) -> Cost {
    let (e, r, made) = (work.width, work.shape.arity, work.tree.made)
    return Cost(
      operations: made * e * (2 * e + 2 * r),
      values: (r + 2) * made * e + work.shape.banks * e * e)
  }

  static func separableConvBackward(of work: BenchmarkTree) -> Cost {
    let (e, r, made) = (work.width, work.shape.arity, work.tree.made)
    return Cost(
      operations: made * e * (4 * e + 4 * r + 1),
      values: 2 * (r + 2) * made * e + 2 * work.shape.banks * e * e)
  }

  /// Cost of attention: a score and a weighted value per slot seen.
  static func attention(of work: BenchmarkTree) -> Cost {
    let (e, n, l) = (work.width, work.tree.rowCount, work.length)
    let seen = slotsSeen(before: l, shape: work.shape)
    return Cost(operations: seen * (4 * e + 12 * work.heads), values: 2 * n * e + 2 * l * e)
  }

  /// Cost of the backward pass: the score again, and the cotangents of key, query, value and
  /// weight.
  static func attentionBackward(of work: BenchmarkTree) -> Cost {
    let (e, n, l) = (work.width, work.tree.rowCount, work.length)
    let seen = slotsSeen(before: l, shape: work.shape)
    return Cost(operations: seen * (10 * e + 12 * work.heads), values: 4 * n * e + 4 * l * e)
  }

  /// Cost of attention to further tokens; backward, a score is computed twice, for key and token.
  static func tokenAttention(of work: BenchmarkTree, places: Int) -> Cost {
    let (e, l) = (work.width, work.length)
    return Cost(operations: l * places * (4 * e + 12 * work.heads), values: 4 * l * e)
  }

  static func tokenAttentionBackward(of work: BenchmarkTree, places: Int) -> Cost {
    let (e, l) = (work.width, work.length)
    return Cost(operations: l * places * (14 * e + 24 * work.heads), values: 8 * l * e)
  }

  /// Number of slots that positions 0 ..< `length` see.
  ///
  /// A level has n nodes during as many positions as a node spans; a position sees the newest one,
  /// or the n modulo r without their parent yet.
  static func slotsSeen(before length: Int, shape: TreeShape) -> Int {
    var (seen, span) = (0, 1)
    for level in 0...shape.maximumLevels where span <= length {
      let waits = shape.visibility == .disjoint && level < shape.maximumLevels
      let slots = level == 0 ? 1 : shape.banks * (1 + level * shape.expansion)
      for nodes in 1...length / span {
        let positions = min(span, length + 1 - nodes * span)
        seen += slots * positions * (waits ? nodes % shape.arity : 1)
      }
      span *= shape.arity
    }
    return seen
  }

  static func + (left: Cost, right: Cost) -> Cost {
    Cost(operations: left.operations + right.operations, bytes: left.bytes + right.bytes)
  }
}

extension Tree {
  /// Number of rows of nodes above level 0.
  fileprivate var made: Int { rowCount - length }

  /// Number of slots of the children of all nodes; tokens count once, as children of every bank.
  fileprivate var childSlots: Int {
    guard levels > 0 else { return 0 }
    return (1...levels).reduce(0) { sum, level in
      let (nodes, below) = (self.level(level), self.level(level - 1).slots)
      let families = nodes.rows.count / nodes.slots * (level == 1 ? 1 : shape.banks)
      return sum + families * shape.arity * below
    }
  }
}

// MARK: - Steps of streams

extension Cost {
  /// Cost of a decode step of trees: the nodes that a token completes, one per bank on average,
  /// with query and value.
  static func treeStep(streams: Int, width e: Int, banks: Int, summary: Int) -> Cost {
    Cost(
      operations: streams * (banks * summary + (1 + banks) * 4 * e * e),
      values: streams * (1 + banks) * 5 * e + (summary / 2) * banks + 2 * e * e)
  }

  static func attentionStep(streams: Int, width e: Int, heads: Int, slots: Int) -> Cost {
    Cost(
      operations: streams * slots * (4 * e + 12 * heads), values: streams * (2 * slots + 2) * e)
  }
}

// MARK: - State space models

extension Cost {
  /// Cost per token and complex state: four multiply-adds to advance it, two for its output.
  static func stateSpace(length: Int, width e: Int, states: Int) -> Cost {
    Cost(operations: 12 * length * e * states, values: 2 * length * e + 8 * e * states)
  }

  /// Cost of the backward pass: states again, then per token and state 13 multiply-adds, six for its
  /// cotangent, one for y's, six for coefficient and weight.
  static func stateSpaceBackward(length: Int, width e: Int, states: Int) -> Cost {
    Cost(operations: 34 * length * e * states, values: 3 * length * e + 12 * e * states)
  }

  static func stateSpaceStep(width e: Int, states: Int) -> Cost {
    Cost(operations: 12 * e * states, values: 8 * e * states)
  }

  /// Cost of two exponentials, a direction of 20 operations, and a series of 12 complex terms.
  static func discretization(width e: Int, states: Int) -> Cost {
    Cost(operations: 160 * e * states, values: 8 * e * states)
  }

  /// Cost of the same with a second series, and six complex products.
  static func discretizationBackward(width e: Int, states: Int) -> Cost {
    Cost(operations: 300 * e * states, values: 12 * e * states)
  }
}

// MARK: - Causal attention

extension Cost {
  /// Number of pairs of a token and one that it attends to.
  static func pairsSeen(length: Int, window: Int?) -> Int {
    (0..<length).reduce(0) { $0 + min($1, window ?? $1) + 1 }
  }

  /// Cost of a score and a weighted value per pair.
  static func causalAttention(pairs: Int, length: Int, width e: Int, heads: Int) -> Cost {
    Cost(operations: pairs * (4 * e + 12 * heads), values: length * (4 * e + heads))
  }

  /// Cost of the backward pass: the score again, and the cotangents of weight, query, key and value.
  static func causalAttentionBackward(pairs: Int, length: Int, width e: Int, heads: Int) -> Cost {
    Cost(operations: pairs * (10 * e + 12 * heads), values: length * (8 * e + heads))
  }

  static func causalAttentionStep(seen: Int, width e: Int, heads: Int) -> Cost {
    Cost(operations: seen * (4 * e + 12 * heads), values: 2 * seen * e + 4 * e)
  }

  /// Cost of the rotation of queries and keys; a sine or cosine counts as 16 operations.
  static func rotary(rows: Int, width e: Int, headWidth: Int) -> Cost {
    Cost(operations: rows * (6 * e + 16 * headWidth), values: 6 * rows * e)
  }
}

// MARK: - Slots

extension Cost {
  /// Cost of causal attention over whole segments: a pair per token and slot, and per token and one
  /// of its segment up to itself.
  static func segmentAttention(
    _ shape: SegmentAttentionShape, _ length: Int, _ e: Int
  ) -> Cost {
    causalAttention(
      pairs: segmentPairs(shape, length), length: length, width: e, heads: shape.heads)
  }

  static func segmentAttentionBackward(
    _ shape: SegmentAttentionShape, _ length: Int, _ e: Int
  ) -> Cost {
    causalAttentionBackward(
      pairs: segmentPairs(shape, length), length: length, width: e, heads: shape.heads)
  }

  private static func segmentPairs(_ shape: SegmentAttentionShape, _ length: Int) -> Int {
    length * shape.slots + length * (shape.segment + 1) / 2
  }

  /// Cost of rewriting slots by whole segments: two maps of each slot, and a score and a weighted
  /// value per slot and token, and of the slot itself.
  static func slotWrite(_ write: SlotWrite, slots k: Int, _ length: Int, _ e: Int) -> Cost {
    let writes = length / write.segment
    return Cost(
      operations: writes * k * (4 * e * e + (1 + write.segment) * (4 * e + 12 * write.heads)),
      values: 2 * length * e + 2 * writes * k * e + 2 * e * e)
  }

  static func slotWriteBackward(_ write: SlotWrite, slots k: Int, _ length: Int, _ e: Int) -> Cost {
    let writes = length / write.segment
    return Cost(
      operations: writes * k * (8 * e * e + (1 + write.segment) * (10 * e + 12 * write.heads)),
      values: 4 * length * e + 6 * writes * k * e + 4 * e * e)
  }
}
