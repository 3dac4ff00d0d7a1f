internal import CLMN

/// The trees of B streams that take one token at a time, in memory that stays where it is, so that a
/// step can be recorded: per stream the nodes that wait for siblings, and query and value of every
/// slot that a position may see.
///
/// A token finishes a node of level i when its number, from 1, is a multiple of rⁱ; so a step makes
/// less than one node per bank on average. Streams may stand at different positions; nodes of one
/// level are made for all of them at once.
///
/// Unchecked because of the pointers: one thread at a time steps.
public final class StreamTrees: @unchecked Sendable {
  /// B.
  public let streams: Int
  /// Of every stream's tree.
  public let shape: TreeShape
  /// How many tokens a stream keeps pinned beside its tree.
  public let pins: Int
  let width: Int
  let heads: Int
  /// Where things stand in a stream's memory.
  let layout: Layout
  /// Whether scores get something added: a bias, a gate, or what hides a slot.
  let isBiased: Bool
  /// Tokens of each stream so far.
  let positions: UnsafeMutableBufferPointer<Int>
  /// The highest level of which the newest token of each stream has finished a node.
  let heights: UnsafeMutableBufferPointer<Int>
  /// `[B, node rows, E]`: the newest family of every level and bank.
  let nodes: UnsafeMutablePointer<Float>
  /// `[B, slot rows, 2E]`: query and value of what may be seen.
  let slots: UnsafeMutablePointer<Float>
  /// `[B, slot rows, H]`: what is added to their scores; where nothing ever is, empty.
  let biases: UnsafeMutablePointer<Float>
  /// `[B, p, E]`: the pinned tokens.
  let pinned: UnsafeMutablePointer<Float>
  /// `[B, p + 1]`: their scores, and behind them that of the newest token.
  let pinnedScores: UnsafeMutablePointer<Float>
  /// Of a stream: its slots and biases, and how many of them a position may see.
  let tables: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  let biasTables: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  let counts: UnsafeMutableBufferPointer<Int>
  /// Rows of E: the children of one level's families, and behind them all nodes of a step.
  let work: UnsafeMutablePointer<Float>
  /// `[new rows, 2E]`, and the slot where each belongs, if any.
  let projected: UnsafeMutablePointer<Float>
  let destinations: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>?>

  /// Hides a slot: leaves no weight, and differences are finite.
  static let unseen: Float = -1e30

  /// Rows in a stream's memory.
  ///
  /// A stream's slots are, in this order: pinned tokens, tokens of the
  /// window, then level by level what a position may see there, bank by bank, place by place; so
  /// those of a young stream are the first ones.
  struct Layout {
    let shape: TreeShape
    let pins: Int
    /// The highest level that a stream can come to.
    let levels: Int
    /// The first row of every level's nodes, and behind them how many there are in all.
    private(set) var nodeRows = [0]
    /// The first row of every level's slots, and behind them how many there are in all.
    private(set) var slotRows: [Int]
    /// How many there are in all.
    let nodeRowCount, slotRowCount: Int
    /// Rows that a step can make at most, per stream.
    let newRows: Int

    init(_ shape: TreeShape, pins: Int) {
      self.shape = shape
      self.pins = pins
      levels = shape.topLevel(after: 1 << TreeShape.mostLevels)
      slotRows = [pins + (shape.window > 0 ? shape.window + 1 : 0)]
      var newRows = 0
      for level in 0...levels {
        let (banks, slots) = (level == 0 ? 1 : shape.banks, shape.slots(onLevel: level))
        let family = level == 0 ? Self.tokensKept(shape) : shape.arity
        nodeRows.append(nodeRows[level] + banks * family * slots)
        slotRows.append(slotRows[level] + banks * shape.places(onLevel: level) * slots)
        newRows += banks * slots
      }
      self.newRows = newRows
      (nodeRowCount, slotRowCount) = (nodeRows[levels + 1], slotRows[levels + 1])
    }

    /// Tokens that are kept at least: a family, and those of the window; whole families, so that
    /// each stands together.
    private static func tokensKept(_ shape: TreeShape) -> Int {
      (max(shape.window, shape.arity) + shape.arity - 1) / shape.arity * shape.arity
    }

    /// The row of a node, where it stands as long as its family or the window needs it.
    func nodeRow(_ node: Int, level: Int, bank: Int) -> Int {
      let kept = level == 0 ? Self.tokensKept(shape) : shape.arity
      return nodeRows[level] + (bank * kept + node % kept) * shape.slots(onLevel: level)
    }

    /// The row of a node's slots; nil for a node that nobody sees.
    func slotRow(_ node: Int, level: Int, bank: Int) -> Int? {
      let places = shape.places(onLevel: level)
      let place = shape.waits(onLevel: level) ? node % shape.arity : 0
      return place < places
        ? slotRows[level] + (bank * places + place) * shape.slots(onLevel: level) : nil
    }

    /// The row of a token's slot in the window.
    func windowRow(_ token: Int) -> Int { pins + token % (shape.window + 1) }

    /// Slots of a stream, seen or not, after so many tokens.
    func slotCount(after tokens: Int) -> Int { slotRows[shape.topLevel(after: tokens) + 1] }

    /// Rows of children of one level's families, per stream.
    var childRows: Int { shape.banks * shape.arity * shape.slots(onLevel: levels - 1) }

    /// Rows of grown children of one level's families, per stream.
    var grownRows: Int {
      shape.growth > 0 ? shape.banks * shape.arity * shape.slots(onLevel: levels) : 0
    }
  }

  /// Trees without tokens.
  ///
  /// - Parameters:
  ///   - streams: B.
  ///   - width: E.
  ///   - heads: H.
  ///   - shape: Of every tree.
  ///   - hasLevelBias: Whether the attention has a bias for every level.
  ///   - pins: How many tokens a stream keeps pinned.
  public init(
    streams: Int, width: Int, heads: Int, shape: TreeShape, hasLevelBias: Bool = false,
    pins: Int = 0
  ) {
    self.streams = streams
    self.width = width
    self.heads = heads
    self.shape = shape
    self.pins = pins
    layout = Layout(shape, pins: pins)
    isBiased = hasLevelBias || pins > 0 || shape.window > 0 || shape.visibility == .disjoint
    let (nodeRows, slotRows) = (layout.nodeRowCount, layout.slotRowCount)
    positions = .allocate(capacity: streams)
    heights = .allocate(capacity: streams)
    nodes = .allocate(capacity: streams * nodeRows * width)
    slots = .allocate(capacity: streams * slotRows * 2 * width)
    biases = .allocate(capacity: isBiased ? streams * slotRows * heads : 0)
    pinned = .allocate(capacity: streams * pins * width)
    pinnedScores = .allocate(capacity: streams * (pins + 1))
    tables = .allocate(capacity: streams)
    biasTables = .allocate(capacity: streams)
    counts = .allocate(capacity: streams)
    work = .allocate(capacity: streams * (layout.childRows + layout.newRows) * width)
    projected = .allocate(capacity: streams * layout.newRows * 2 * width)
    destinations = .allocate(capacity: streams * layout.newRows)
    destinations.initialize(repeating: nil)
    for stream in 0..<streams {
      tables.initializeElement(at: stream, to: slot(stream, 0))
      biasTables.initializeElement(at: stream, to: biases + stream * slotRows * heads)
      reset(stream)
    }
  }

  deinit {
    positions.deallocate()
    heights.deallocate()
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
    nodes + (stream * layout.nodeRowCount + row) * width
  }

  func slot(_ stream: Int, _ row: Int) -> UnsafeMutablePointer<Float> {
    slots + (stream * layout.slotRowCount + row) * 2 * width
  }

  func pinned(_ stream: Int, _ place: Int) -> UnsafeMutablePointer<Float> {
    pinned + (stream * pins + place) * width
  }

  /// Says what is added to the score of a slot.
  func setBias(_ stream: Int, _ row: Int, to bias: Float) {
    guard isBiased else { return }
    (biases + (stream * layout.slotRowCount + row) * heads).update(repeating: bias, count: heads)
  }

  /// Sets a stream to its beginning.
  ///
  /// A slot that is not there yet is hidden, and holds numbers.
  public func reset(_ stream: Int) {
    positions[stream] = 0
    counts[stream] = layout.slotCount(after: 0)
    clearSlots(stream, 0..<layout.slotRows[1])
    (pinnedScores + stream * (pins + 1)).update(repeating: -.infinity, count: pins + 1)
    pinned(stream, 0).update(repeating: 0, count: pins * width)
  }

  func clearSlots(_ stream: Int, _ rows: Range<Int>) {
    guard isBiased else { return }
    slot(stream, rows.lowerBound).update(repeating: 0, count: rows.count * 2 * width)
    for row in rows { setBias(stream, row, to: Self.unseen) }
  }

  /// Says who is seen of a level that has so many nodes now.
  func showLevel(
    _ stream: Int, _ level: Int, nodes: Int, levelBias: UnsafePointer<Float>?
  ) {
    guard isBiased, nodes > 0 else { return }
    let (rows, places) = (layout.slotRows, shape.places(onLevel: level))
    let seen = shape.waits(onLevel: level) ? nodes % shape.arity : 1
    let slots = shape.slots(onLevel: level)
    for row in rows[level]..<rows[level + 1] {
      let place = (row - rows[level]) / slots % places
      setBias(stream, row, to: place < seen ? 0 : Self.unseen)
      if place < seen, let levelBias {
        (biases + (stream * layout.slotRowCount + row) * heads).update(
          from: levelBias + level * heads, count: heads)
      }
    }
  }
}

extension StreamTrees: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}

extension Tensor {
  /// Single-vector attention for one position of each of several streams, over the slots it sees.
  ///
  /// - Parameter trees: Of B streams, with the position's token taken.
  /// - Returns: `[B, E]` for `self` of that shape, the keys.
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
