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
  /// `[B, levels]`: how many nodes of each wait for siblings.
  ///
  /// These are the digits of a stream's position in base r, counted up with every token: a step has
  /// no time to divide.
  let waiting: UnsafeMutablePointer<Int>
  /// The streams that finish nodes of one level.
  let finishing: UnsafeMutableBufferPointer<Int>
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
    /// Those that a stream can come to.
    let levels: [Level]
    /// How many rows there are in all.
    let nodeRows, slotRows: Int
    /// Rows that a step can make at most, per stream.
    let newRows: Int

    init(_ shape: TreeShape, pins: Int) {
      self.shape = shape
      self.pins = pins
      var levels: [Level] = []
      var (nodeRow, newRows) = (0, 0)
      var slotRow = pins + (shape.window > 0 ? shape.window + 1 : 0)
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

    /// The row of a token's slot in the window.
    func windowRow(_ token: Int) -> Int { pins + token % (shape.window + 1) }

    /// Slots of a stream, seen or not, after so many tokens.
    func slotCount(after tokens: Int) -> Int {
      levels[shape.topLevel(after: tokens)].slotRows.upperBound
    }

    /// Rows of children of one level's families, per stream.
    var childRows: Int { shape.banks * shape.arity * shape.slots(onLevel: top - 1) }

    /// Rows of grown children of one level's families, per stream.
    var grownRows: Int {
      shape.expansion > 0 ? shape.banks * shape.arity * shape.slots(onLevel: top) : 0
    }
  }

  /// Rows of one level in a stream's memory.
  struct Level {
    let number: Int
    /// Tokens have one.
    let banks: Int
    /// The slots of a node.
    let slots: Int
    /// How many nodes of every bank are kept: a family.
    ///
    /// Of tokens as many whole families, which stand together, as the window reaches into.
    let kept: Int
    /// Whether the nodes that wait for siblings are seen, not the newest one.
    let waits: Bool
    /// How many nodes of every bank may be seen at once.
    let places: Int
    /// The slots of all banks.
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

    /// The row of a node among those that are kept.
    func nodeRow(at place: Int, bank: Int) -> Int { firstNodeRow + (bank * kept + place) * slots }

    /// The row of the slots of a family's member; nil for one that nobody sees.
    func slotRow(of member: Int, bank: Int) -> Int? {
      let place = waits ? member : 0
      return place < places ? slotRows.lowerBound + (bank * places + place) * slots : nil
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
    let (nodeRows, slotRows) = (layout.nodeRows, layout.slotRows)
    positions = .allocate(capacity: streams)
    waiting = .allocate(capacity: streams * layout.levels.count)
    finishing = .allocate(capacity: streams)
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

  func waiting(_ stream: Int) -> UnsafeMutablePointer<Int> {
    waiting + stream * layout.levels.count
  }

  func pinned(_ stream: Int, _ place: Int) -> UnsafeMutablePointer<Float> {
    pinned + (stream * pins + place) * width
  }

  /// Says what is added to the score of a slot.
  func setBias(_ stream: Int, _ row: Int, to bias: Float) {
    guard isBiased else { return }
    (biases + (stream * layout.slotRows + row) * heads).update(repeating: bias, count: heads)
  }

  /// Sets a stream to its beginning.
  ///
  /// A slot that is not there yet is hidden, and holds numbers.
  public func reset(_ stream: Int) {
    positions[stream] = 0
    waiting(stream).update(repeating: 0, count: layout.levels.count)
    counts[stream] = layout.slotCount(after: 0)
    clearSlots(stream, 0..<counts[stream])
    (pinnedScores + stream * (pins + 1)).update(repeating: -.infinity, count: pins + 1)
    pinned(stream, 0).update(repeating: 0, count: pins * width)
  }

  func clearSlots(_ stream: Int, _ rows: Range<Int>) {
    guard isBiased else { return }
    slot(stream, rows.lowerBound).update(repeating: 0, count: rows.count * 2 * width)
    for row in rows { setBias(stream, row, to: Self.unseen) }
  }

  /// Says who is seen of a level that has nodes.
  func show(_ level: Level, of stream: Int, levelBias: UnsafePointer<Float>?) {
    guard isBiased else { return }
    let seen = level.waits ? waiting(stream)[level.number] : 1
    for row in level.slotRows {
      let place = (row - level.slotRows.lowerBound) / level.slots % level.places
      setBias(stream, row, to: place < seen ? 0 : Self.unseen)
      if place < seen, let levelBias {
        (biases + (stream * layout.slotRows + row) * heads).update(
          from: levelBias + level.number * heads, count: heads)
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
