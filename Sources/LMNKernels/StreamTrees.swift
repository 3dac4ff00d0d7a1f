internal import CLMN

/// The trees of B streams that take one token at a time, in memory that stays where it is, so that a
/// step can be recorded: per stream the newest pair of nodes of every level, and query and value of
/// the newest node.
///
/// A token finishes a node of level i when its number, from 1, is a multiple of 2ⁱ; so a step makes
/// one node per bank on average. Streams may stand at different positions; nodes of one level are
/// made for all of them at once.
///
/// Unchecked because of the pointers: one thread at a time steps.
public final class StreamTrees: @unchecked Sendable {
  /// B.
  public let streams: Int
  private let width: Int
  private let banks: Int
  /// Tokens of each stream so far.
  private let positions: UnsafeMutableBufferPointer<Int>
  /// `[B, rows, 2, E]`: node j of a level and bank stands at j modulo 2, beside its sibling.
  private let pairs: UnsafeMutablePointer<Float>
  /// `[B, rows, 2E]`: query and value of the newest nodes.
  private let slots: UnsafeMutablePointer<Float>
  /// What a position sees: the slots of a stream, and how many there are.
  let tables: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  let counts: UnsafeMutableBufferPointer<Int>
  /// Rows of E: children `[K, 2B]` of the nodes of one level, and behind them all nodes of a step.
  private let work: UnsafeMutablePointer<Float>
  /// `[new nodes, 2E]`, and the slot where each belongs.
  private let projected: UnsafeMutablePointer<Float>
  private let destinations: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>?>

  /// Levels that a stream can have: more tokens than anyone will read.
  private static let levels = 48

  /// Trees without tokens.
  public init(streams: Int, width: Int, banks: Int) {
    self.streams = streams
    self.width = width
    self.banks = banks
    let rows = 1 + banks * Self.levels
    positions = .allocate(capacity: streams)
    pairs = .allocate(capacity: streams * rows * 2 * width)
    slots = .allocate(capacity: streams * rows * 2 * width)
    tables = .allocate(capacity: streams)
    counts = .allocate(capacity: streams)
    work = .allocate(capacity: streams * (2 * banks + rows) * width)
    projected = .allocate(capacity: streams * rows * 2 * width)
    destinations = .allocate(capacity: streams * rows)
    positions.initialize(repeating: 0)
    counts.initialize(repeating: 0)
    destinations.initialize(repeating: nil)
    for stream in 0..<streams { tables.initializeElement(at: stream, to: slot(stream, 0)) }
  }

  deinit {
    positions.deallocate()
    pairs.deallocate()
    slots.deallocate()
    tables.deallocate()
    counts.deallocate()
    work.deallocate()
    projected.deallocate()
    destinations.deallocate()
  }

  private var rows: Int { 1 + banks * Self.levels }

  /// The row of a level and bank: level by level, so that a stream's slots are the first ones.
  private func row(_ level: Int, _ bank: Int) -> Int {
    level == 0 ? 0 : 1 + (level - 1) * banks + bank
  }

  private func pair(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    pairs + (stream * rows + row) * 2 * width
  }

  private func slot(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    slots + (stream * rows + row) * 2 * width
  }

  /// Where a stream's newest node of a level and row stands: beside its sibling.
  private func newest(_ stream: Int, _ row: Int, _ level: Int) -> UnsafeMutablePointer<Float> {
    let finished = positions[stream] >> level
    return pair(stream, row) + ((finished - 1) & 1) * width
  }

  private func topLevel(of tokens: Int) -> Int { Int.bitWidth - 1 - tokens.leadingZeroBitCount }
}

extension StreamTrees {
  /// Sets a stream to a state, its rows in the order of ``Tree/newestRows``.
  ///
  /// - Parameters:
  ///   - stream: Which one.
  ///   - position: Tokens of it so far.
  ///   - nodes: `[C, E]`.
  ///   - slots: `[C, 2E]`.
  public func load(_ stream: Int, position: Int, nodes: Tensor, slots: Tensor) {
    precondition(position >> Self.levels == 0, "StreamTrees: position \(position) is too far")
    positions[stream] = position
    forEachNode(of: stream) { row, index, level in
      newest(stream, row, level).update(from: nodes.base + index * width, count: width)
      slot(stream, row).update(from: slots.base + index * 2 * width, count: 2 * width)
    }
  }

  /// The state of a stream, as ``load(_:position:nodes:slots:)`` takes it.
  public func state(of stream: Int) -> (position: Int, nodes: Tensor, slots: Tensor) {
    let position = positions[stream]
    let count = position == 0 ? 0 : 1 + banks * topLevel(of: position)
    return (
      position,
      Tensor(shape: [count, width]) { nodes in
        forEachNode(of: stream) { row, index, level in
          (nodes + index * width).update(from: newest(stream, row, level), count: width)
        }
      },
      Tensor(shape: [count, 2 * width]) { table in
        forEachNode(of: stream) { row, index, _ in
          (table + index * 2 * width).update(from: slot(stream, row), count: 2 * width)
        }
      }
    )
  }

  /// Calls `body` with every newest node: its row here, its index in a state (level 0, then bank by
  /// bank), its level.
  private func forEachNode(of stream: Int, _ body: (_ row: Int, _ index: Int, _ level: Int) -> Void)
  {
    let position = positions[stream]
    guard position > 0 else { return }
    body(0, 0, 0)
    let levels = topLevel(of: position)
    guard levels > 0 else { return }
    for bank in 0..<banks {
      for level in 1...levels { body(row(level, bank), bank * levels + level, level) }
    }
  }
}

extension StreamTrees {
  /// Takes a token of every stream, makes the nodes that it finishes by affine summaries of pairs,
  /// and their queries and values.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`.
  ///   - weight: `[K, 2E, E]`; the upper E rows multiply the left child.
  ///   - bias: `[K, E]`.
  ///   - queryValue: `[E, 2E]`.
  ///   - queryValueBias: `[2E]`.
  public func step(
    _ tokens: Tensor, pairwiseSummary weight: Tensor, bias: Tensor, queryValue: Tensor,
    queryValueBias: Tensor
  ) {
    precondition(
      weight.shape == [banks, 2 * width, width] && bias.shape == [banks, width],
      "StreamTrees: weight \(weight.shape), bias \(bias.shape)")
    let arguments = lmn_pairwise_summary(
      tree: lmn_tree(start: 0, length: 1, banks: banks), width: width, weight: weight.base,
      bias: bias.base, nodes: work)
    step(tokens, queryValue, queryValueBias, on: weight, bias) { kernels, pairs in
      withUnsafePointer(to: arguments) { lmn_pairwise_summary_pairs_forward(kernels, $0, pairs) }
    }
  }

  /// The same by depthwise-separable convolution.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`.
  ///   - taps: `[K, 3, E]`: per channel the factors of left and right child, and the bias.
  ///   - pointwise: `[K, E, E]`.
  ///   - bias: `[K, E]`.
  ///   - queryValue: `[E, 2E]`.
  ///   - queryValueBias: `[2E]`.
  public func step(
    _ tokens: Tensor, separableConv taps: Tensor, pointwise: Tensor, bias: Tensor,
    queryValue: Tensor, queryValueBias: Tensor
  ) {
    precondition(
      taps.shape == [banks, 3, width] && pointwise.shape == [banks, width, width]
        && bias.shape == [banks, width],
      "StreamTrees: taps \(taps.shape), pointwise \(pointwise.shape), bias \(bias.shape)")
    let mixed = Tensor(uninitialized: [streams * (2 * banks + rows), width])
    let arguments = lmn_separable_conv(
      tree: lmn_tree(start: 0, length: 1, banks: banks), width: width, taps: taps.base,
      pointwise: pointwise.base, bias: bias.base, nodes: work, mixed: mixed.output)
    step(tokens, queryValue, queryValueBias, on: taps, pointwise, bias, mixed) { kernels, pairs in
      withUnsafePointer(to: arguments) { lmn_separable_conv_pairs_forward(kernels, $0, pairs) }
    }
  }

  private func step<each Operand: KernelOperand>(
    _ tokens: Tensor, _ queryValue: Tensor, _ queryValueBias: Tensor,
    on operands: repeat each Operand,
    summarize: @escaping (lmn_context, lmn_pairs) -> Void
  ) {
    precondition(
      tokens.shape == [streams, width] && queryValue.shape == [width, 2 * width]
        && queryValueBias.shape == [2 * width],
      "StreamTrees: tokens \(tokens.shape), query and value \(queryValue.shape)")
    let (values, weight, bias) = (tokens.base, queryValue.base, queryValueBias.base)
    ExecutionContext.current.run(
      on: self, tokens, queryValue, queryValueBias, repeat each operands
    ) { [self] kernels in
      let count = makeNodes(of: values, kernels, summarize)
      var arguments = lmn_matmul(
        rows: count, inner: width, columns: 2 * width, left: newNodes, right: weight, bias: bias,
        product: projected)
      lmn_matmul_forward(kernels, &arguments)
      for node in 0..<count {
        destinations[node]!.update(from: projected + node * 2 * width, count: 2 * width)
      }
    }
  }

  /// Behind the children of the nodes of one level.
  private var newNodes: UnsafeMutablePointer<Float> { work + 2 * banks * streams * width }

  /// Makes the nodes that a token of every stream finishes, itself included.
  ///
  /// - Returns: How many there are, one after the other in `newNodes`.
  private func makeNodes(
    of tokens: UnsafePointer<Float>, _ kernels: lmn_context,
    _ summarize: (lmn_context, lmn_pairs) -> Void
  ) -> Int {
    for stream in 0..<streams {
      positions[stream] += 1
      counts[stream] = 1 + banks * topLevel(of: positions[stream])
      (newNodes + stream * width).update(from: tokens + stream * width, count: width)
      place(stream, stream, row: 0, level: 0)
    }
    var (count, level) = (streams, 1)
    while true {
      var members = 0
      for stream in 0..<streams where finishes(stream, level) { members += 1 }
      if members == 0 { return count }
      let parents = level == 1 ? 1 : banks
      var child = work
      for bank in 0..<parents {
        for stream in 0..<streams where finishes(stream, level) {
          child.update(from: pair(stream, row(level - 1, bank)), count: 2 * width)
          child += 2 * width
        }
      }
      summarize(
        kernels,
        lmn_pairs(
          count: members, below: 0, below_stride: level == 1 ? 0 : 2 * members,
          node: 2 * banks * streams + count, node_stride: members))
      for bank in 0..<banks {
        for stream in 0..<streams where finishes(stream, level) {
          place(count, stream, row: row(level, bank), level: level)
          count += 1
        }
      }
      level += 1
    }
  }

  private func finishes(_ stream: Int, _ level: Int) -> Bool {
    positions[stream] & ((1 << level) - 1) == 0
  }

  /// Puts a new node beside its sibling, and notes where its slot is.
  private func place(_ node: Int, _ stream: Int, row: Int, level: Int) {
    newest(stream, row, level).update(from: newNodes + node * width, count: width)
    destinations[node] = slot(stream, row)
  }
}

extension StreamTrees: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

extension Tensor {
  /// Single-vector attention for one position of each of several streams, over the slots it sees.
  ///
  /// - Parameters:
  ///   - trees: Of B streams, with the position's token taken.
  ///   - heads: H, a divisor of E.
  /// - Returns: `[B, E]` for `self` of that shape, the keys.
  public func singleVectorAttention(over trees: StreamTrees, heads: Int) -> Tensor {
    precondition(
      shape == [trees.streams, shape[1]] && shape[1].isMultiple(of: heads) && heads <= mostHeads,
      "singleVectorAttention: keys \(shape) of \(trees.streams) streams, \(heads) heads")
    let output = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_single_vector_attention_step_forward,
      lmn_single_vector_attention_step(
        streams: shape[0], width: shape[1], heads: heads,
        slots: UnsafePointer(trees.tables.baseAddress),
        counts: UnsafePointer(trees.counts.baseAddress),
        keys: base, output: output.output),
      on: self, trees, output)
    return output
  }
}
