internal import CLMN

/// Trees of B streams for decode steps, at a stable address so that steps can be recorded: per
/// stream the nodes without their parent yet, and query and value of every slot that a position may
/// see.
///
/// Token n, counted from 1, completes a node of level i if n is a multiple of rⁱ, so a step makes
/// less than one node per bank on average. Streams may be at different positions; the nodes of a
/// level are computed for all of them together.
///
/// `@unchecked` because it holds pointers; one thread at a time may step.
public final class StreamTrees: @unchecked Sendable {
  /// Number of streams, B.
  public let streams: Int
  /// Shape of every tree.
  public let shape: TreeShape
  /// Number p of tokens that a stream keeps pinned.
  public let pinnedCount: Int
  let width: Int
  let heads: Int
  /// Layout of the memory of one stream.
  let layout: Layout
  /// Whether terms are added to scores: biases, gates, or ``unseen``.
  let isBiased: Bool
  /// `[B, levels]`: number of nodes without their parent yet.
  ///
  /// These are the digits of a stream's position in base r, incremented with every token to avoid
  /// divisions.
  let waiting: UnsafeMutablePointer<Int>
  /// Streams whose token completes a node of the current level.
  let finishing: UnsafeMutableBufferPointer<Int>
  /// `[B, nodeRows, E]`: the newest family of every level and bank.
  let nodes: UnsafeMutablePointer<Float>
  /// `[B, slotRows, 2E]`: query, then value, of every slot that may be seen.
  let slots: UnsafeMutablePointer<Float>
  /// `[B, slotRows, H]`: added to the scores; empty unless ``isBiased``.
  let biases: UnsafeMutablePointer<Float>
  /// `[B, p, E]`: the pinned tokens.
  let pinned: UnsafeMutablePointer<Float>
  /// `[B, p + 1]`: scores of the pinned tokens, then of the newest token.
  let pinnedScores: UnsafeMutablePointer<Float>
  /// `[B]` each: the slots and biases of a stream, and the number of its slots in use.
  let tables: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  let biasTables: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  let counts: UnsafeMutableBufferPointer<Int>
  /// Rows of E: the children of the families of one level, then all new nodes of a step.
  let work: UnsafeMutablePointer<Float>
  /// `[newRows, 2E]`: query, then value, of the new nodes; and the slot of each, nil for none.
  let projected: UnsafeMutablePointer<Float>
  let destinations: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>?>

  /// Bias of an unseen slot: its weight is 0, and differences of scores are finite.
  static let unseen: Float = -1e30

  /// Layout of the rows of one stream.
  ///
  /// Slots are ordered: pinned tokens, tokens of the window, then by level, bank and place. So a
  /// stream with few levels uses the first ones only.
  struct Layout {
    let shape: TreeShape
    let pinnedCount: Int
    /// Levels that a stream can reach.
    let levels: [Level]
    /// Number of rows.
    let nodeRows, slotRows: Int
    /// Largest number of rows that a step makes per stream.
    let newRows: Int

    init(_ shape: TreeShape, pinnedCount: Int) {
      self.shape = shape
      self.pinnedCount = pinnedCount
      var levels: [Level] = []
      var (nodeRow, newRows) = (0, 0)
      var slotRow = pinnedCount + (shape.window > 0 ? shape.window + 1 : 0)
      for number in 0...shape.topLevel(after: 1 << TreeShape.mostLevels) {
        let level = Level(shape, number, nodeRow: nodeRow, slotRow: slotRow)
        nodeRow += level.banks * level.kept * level.slots
        slotRow = level.slotRows.upperBound
        newRows += level.banks * level.slots
        levels.append(level)
      }
      self.levels = levels
      (nodeRows, slotRows, self.newRows) = (nodeRow, slotRow, newRows)
    }

    /// The highest level.
    var top: Int { levels.count - 1 }

    /// Row of the slot of a token in the window.
    func windowRow(_ token: Int) -> Int { pinnedCount + token % (shape.window + 1) }

    /// Number of slots of a stream, seen or not, after `tokens` tokens.
    func slotCount(after tokens: Int) -> Int {
      levels[shape.topLevel(after: tokens)].slotRows.upperBound
    }

    /// Number of rows of the children of the families of one level, per stream.
    var childRows: Int { shape.banks * shape.arity * shape.slots(onLevel: top - 1) }

    /// Number of rows of the expanded children of the families of one level, per stream.
    var grownRows: Int {
      shape.expansion > 0 ? shape.banks * shape.arity * shape.slots(onLevel: top) : 0
    }
  }

  /// Layout of the rows of one level of a stream.
  struct Level {
    let number: Int
    /// K, or 1 for tokens.
    let banks: Int
    /// Number of slots of a node.
    let slots: Int
    /// Number of nodes kept per bank: a family; of tokens, whole families that cover the window.
    let kept: Int
    /// Whether positions see the nodes without their parent yet, not the newest one.
    let waits: Bool
    /// Largest number of nodes that a position sees in a bank.
    let places: Int
    /// Rows of the slots of all banks.
    let slotRows: Range<Int>
    private let firstNodeRow: Int

    init(_ shape: TreeShape, _ number: Int, nodeRow: Int, slotRow: Int) {
      self.number = number
      banks = number == 0 ? 1 : shape.banks
      slots = shape.slots(onLevel: number)
      let least = number == 0 ? max(shape.window, shape.arity) : shape.arity
      kept = (least + shape.arity - 1) / shape.arity * shape.arity
      waits = shape.waits(onLevel: number)
      places = shape.places(onLevel: number)
      firstNodeRow = nodeRow
      slotRows = slotRow..<slotRow + banks * places * slots
    }

    /// First row of the node at `place` among those that are kept.
    func nodeRow(at place: Int, bank: Int) -> Int { firstNodeRow + (bank * kept + place) * slots }

    /// First row of the slots of child `child` of the newest family; nil if no position sees it.
    func slotRow(of child: Int, bank: Int) -> Int? {
      let place = waits ? child : 0
      return place < places ? slotRows.lowerBound + (bank * places + place) * slots : nil
    }
  }

  /// Creates trees without tokens.
  ///
  /// - Parameters:
  ///   - streams: B.
  ///   - width: E.
  ///   - heads: H.
  ///   - shape: Shape of every tree.
  ///   - hasLevelBias: Whether the attention has a bias for every level.
  ///   - pinnedCount: Number of tokens that a stream keeps pinned.
  public init(
    streams: Int, width: Int, heads: Int, shape: TreeShape, hasLevelBias: Bool = false,
    pinnedCount: Int = 0
  ) {
    self.streams = streams
    self.width = width
    self.heads = heads
    self.shape = shape
    self.pinnedCount = pinnedCount
    layout = Layout(shape, pinnedCount: pinnedCount)
    isBiased = hasLevelBias || pinnedCount > 0 || shape.window > 0 || shape.visibility == .disjoint
    let (nodeRows, slotRows) = (layout.nodeRows, layout.slotRows)
    waiting = .allocate(capacity: streams * layout.levels.count)
    finishing = .allocate(capacity: streams)
    nodes = .allocate(capacity: streams * nodeRows * width)
    slots = .allocate(capacity: streams * slotRows * 2 * width)
    biases = .allocate(capacity: isBiased ? streams * slotRows * heads : 0)
    pinned = .allocate(capacity: streams * pinnedCount * width)
    pinnedScores = .allocate(capacity: streams * (pinnedCount + 1))
    tables = .allocate(capacity: streams)
    biasTables = .allocate(capacity: streams)
    counts = .allocate(capacity: streams)
    work = .allocate(capacity: streams * (layout.childRows + layout.newRows) * width)
    projected = .allocate(capacity: streams * layout.newRows * 2 * width)
    destinations = .allocate(capacity: streams * layout.newRows)
    destinations.initialize(repeating: nil)
    for stream in 0..<streams {
      tables.initializeElement(at: stream, to: slot(stream, 0))
      biasTables.initializeElement(at: stream, to: bias(stream, 0))
      reset(stream)
    }
  }

  deinit {
    waiting.deallocate()
    finishing.deallocate()
    nodes.deallocate()
    slots.deallocate()
    biases.deallocate()
    pinned.deallocate()
    pinnedScores.deallocate()
    tables.deallocate()
    biasTables.deallocate()
    counts.deallocate()
    work.deallocate()
    projected.deallocate()
    destinations.deallocate()
  }

  func node(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    nodes + (stream * layout.nodeRows + row) * width
  }

  func slot(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    slots + (stream * layout.slotRows + row) * 2 * width
  }

  func bias(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    biases + (stream * layout.slotRows + row) * heads
  }

  func waiting(_ stream: Int) -> UnsafeMutablePointer<Int> {
    waiting + stream * layout.levels.count
  }

  func pinned(_ stream: Int, _ place: Int) -> UnsafeMutablePointer<Float> {
    pinned + (stream * pinnedCount + place) * width
  }

  /// Sets the value that is added to the scores of a slot.
  func setBias(_ stream: Int, _ row: Int, to bias: Float) {
    guard isBiased else { return }
    self.bias(stream, row).update(repeating: bias, count: heads)
  }

  /// Resets a stream to its initial state; allocates nothing.
  ///
  /// If scores have added terms, slots that are not written yet are hidden and hold zeros.
  public func reset(_ stream: Int) {
    waiting(stream).update(repeating: 0, count: layout.levels.count)
    counts[stream] = layout.slotCount(after: 0)
    clearSlots(stream, 0..<counts[stream])
    (pinnedScores + stream * (pinnedCount + 1)).update(
      repeating: -.infinity, count: pinnedCount + 1)
    pinned(stream, 0).update(repeating: 0, count: pinnedCount * width)
  }

  func clearSlots(_ stream: Int, _ rows: Range<Int>) {
    guard isBiased else { return }
    slot(stream, rows.lowerBound).update(repeating: 0, count: rows.count * 2 * width)
    for row in rows { setBias(stream, row, to: Self.unseen) }
  }

  /// Updates which nodes of a level are seen.
  func show(_ level: Level, of stream: Int, levelBias: UnsafePointer<Float>?) {
    guard isBiased else { return }
    let seen = level.waits ? waiting(stream)[level.number] : 1
    for row in level.slotRows {
      let place = (row - level.slotRows.lowerBound) / level.slots % level.places
      setBias(stream, row, to: place < seen ? 0 : Self.unseen)
      if place < seen, let levelBias {
        bias(stream, row).update(
          from: levelBias + level.number * heads, count: heads)
      }
    }
  }
}

extension StreamTrees: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

extension Tensor {
  /// Single-vector attention of one position of each of B streams, over the slots that it sees.
  ///
  /// - Parameter trees: Trees of B streams, after the step with the tokens of these positions.
  /// - Returns: `[B, E]`; `self` are the keys, `[B, E]`.
  public func singleVectorAttention(over trees: StreamTrees) -> Tensor {
    let heads = trees.heads
    precondition(
      shape == [trees.streams, trees.width] && shape[1].isMultiple(of: heads) && heads <= mostHeads,
      "singleVectorAttention: keys \(shape) of \(trees.streams) streams, \(heads) heads")
    let output = Tensor(uninitialized: shape)
    ExecutionContext.current.run(
      lmn_single_vector_attention_step_forward,
      lmn_single_vector_attention_step(
        streams: shape[0], width: shape[1], heads: heads,
        slots: UnsafePointer(trees.tables.baseAddress),
        biases: trees.isBiased ? UnsafePointer(trees.biasTables.baseAddress) : nil,
        counts: UnsafePointer(trees.counts.baseAddress),
        keys: base, output: output.output),
      on: self, trees, output)
    return output
  }
}
