import LMN

/// What an operation has to do: the only place where that is counted.
struct Cost {
  /// Floating-point operations; an exponential, with all around it, counts as 12.
  let operations: Double
  /// Bytes of what is read and written, each once.
  let bytes: Double

  private init(operations: Double, bytes: Double) {
    self.operations = operations
    self.bytes = bytes
  }

  private init(operations: Int, values: Int) {
    self.init(operations: Double(operations), bytes: 4 * Double(values))
  }
}

// MARK: - Matrices

extension Cost {
  /// `[rows, inner] · [inner, columns]`, or either gradient.
  static func matmul(rows: Int, inner: Int, columns: Int) -> Cost {
    Cost(
      operations: 2 * rows * inner * columns,
      values: rows * (inner + columns) + inner * columns)
  }

  /// Every value of so many arrays once, with so many operations per value of one of them.
  static func elementwise(_ count: Int, operations: Int, arrays: Int) -> Cost {
    Cost(operations: operations * count, values: arrays * count)
  }
}

// MARK: - Trees

extension Cost {
  static func pairwiseSummary(of shape: TreeShape) -> Cost {
    let (e, made) = (shape.width, shape.tree.made)
    return Cost(operations: 4 * made * e * e, values: 3 * made * e + 2 * shape.banks * e * e)
  }

  static func pairwiseSummaryBackward(of shape: TreeShape) -> Cost {
    let (e, made) = (shape.width, shape.tree.made)
    return Cost(operations: 8 * made * e * e, values: 6 * made * e + 4 * shape.banks * e * e)
  }

  static func separableConv(of shape: TreeShape) -> Cost {
    let (e, made) = (shape.width, shape.tree.made)
    return Cost(operations: made * e * (2 * e + 4), values: 4 * made * e + shape.banks * e * e)
  }

  static func separableConvBackward(of shape: TreeShape) -> Cost {
    let (e, made) = (shape.width, shape.tree.made)
    return Cost(operations: made * e * (4 * e + 9), values: 8 * made * e + 2 * shape.banks * e * e)
  }

  /// A score and a share of the output per slot seen.
  static func attention(of shape: TreeShape) -> Cost {
    let (e, n, l) = (shape.width, shape.tree.rowCount, shape.length)
    let seen = slotsSeen(before: l, banks: shape.banks)
    return Cost(operations: seen * (4 * e + 12 * shape.heads), values: 2 * n * e + 2 * l * e)
  }

  /// The score once more, and what goes to key, query, value and weight.
  static func attentionBackward(of shape: TreeShape) -> Cost {
    let (e, n, l) = (shape.width, shape.tree.rowCount, shape.length)
    let seen = slotsSeen(before: l, banks: shape.banks)
    return Cost(operations: seen * (10 * e + 12 * shape.heads), values: 4 * n * e + 4 * l * e)
  }

  /// The slots that positions 0 ..< `length` see: themselves and, per bank, a node of every level i
  /// that has one, which positions from 2ⁱ − 1 on do.
  static func slotsSeen(before length: Int, banks: Int) -> Int {
    var (slots, level) = (length, 1)
    while length >> level > 0 {
      slots += banks * (length - (1 << level) + 1)
      level += 1
    }
    return slots
  }
}

extension Tree {
  /// Nodes that are not tokens.
  fileprivate var made: Int { rowCount - length }
}

// MARK: - Steps of streams

extension Cost {
  /// The nodes that a token finishes, a node per bank in the mean, with query and value.
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

// MARK: - Models

extension Cost {
  /// A step of a model's work.
  ///
  /// Multiply-adds per token: in a block E²(4 + 4K + 2f), for key, query, value and output of the
  /// token, for one node per bank with its query and value, and for the feed-forward map; 2E per
  /// slot seen; E·V in the head. A training step is three times its forward pass. Of the bytes only
  /// what streams cannot do without is counted, the parameters, and of a layer its input and output.
  static func step(of work: Work) -> Cost {
    let sizes = work.configuration
    let (e, k, f) = (sizes.width, sizes.banks, sizes.feedForward)
    let positions = work.positions
    let seen =
      slotsSeen(before: positions.upperBound, banks: k)
      - slotsSeen(before: positions.lowerBound, banks: k)
    let slots = Double(seen) / Double(positions.count)
    let block = Double(e * e * (4 + 4 * k + 2 * f)) + 2 * Double(e) * slots
    let forward = { (head: Int) in
      2 * Double(work.tokensPerStep) * (Double(sizes.layers) * block + Double(head))
    }
    let head = e * sizes.vocabularySize
    return switch work.kind {
    case .training: Cost(operations: 3 * forward(head), bytes: 0)
    case .evaluation: Cost(operations: forward(head), bytes: 0)
    case .decoding: Cost(operations: forward(head), bytes: 4 * Double(sizes.parameterCount!))
    case .layer: Cost(operations: forward(0), bytes: 8 * Double(work.tokensPerStep * e))
    }
  }
}
