/// State of one stream's tree, as values.
public struct StreamTreeState {
  /// `[C, E]`, in the order of the next part's ``Tree/carriedRows``.
  public let nodes: Tensor
  /// `[p, E]`: the pinned tokens.
  public let pinned: Tensor
  /// `[p, 1]`: their scores, −∞ for an empty place.
  public let pinnedScores: Tensor

  /// Creates a state from its parts.
  public init(nodes: Tensor, pinned: Tensor, pinnedScores: Tensor) {
    self.nodes = nodes
    self.pinned = pinned
    self.pinnedScores = pinnedScores
  }
}

extension StreamTrees {
  /// Restores the state of a stream.
  ///
  /// - Parameters:
  ///   - stream: Index of the stream.
  ///   - state: State to restore.
  ///   - position: Number of tokens that the stream has read.
  ///   - slots: `[C + p, 2E]`: query, then value, of the nodes and pinned tokens of `state`.
  ///   - gates: `[p, 1]`, added to the scores of pinned tokens; nil if p is 0.
  ///   - levelBias: `[maximumLevels + 1, H]`; nil for none.
  public func load(
    _ stream: Int, _ state: StreamTreeState, at position: Int, slots: Tensor, gates: Tensor?,
    levelBias: Tensor?
  ) {
    precondition(
      stream < streams && position >> TreeShape.mostLevels == 0,
      "StreamTrees: stream \(stream) of \(streams), position \(position)")
    reset(stream)
    counts[stream] = layout.slotCount(after: position)
    clearSlots(stream, 0..<counts[stream])
    var index = 0
    forEachCarried(after: position) { level, bank, node in
      let rows = level.slots
      self.node(stream, level.nodeRow(at: node % level.kept, bank: bank)).update(
        from: state.nodes.base + index * width, count: rows * width)
      let source = slots.base + index * 2 * width
      if let row = level.slotRow(of: node % shape.arity, bank: bank) {
        slot(stream, row).update(from: source, count: rows * 2 * width)
      }
      if level.number == 0 && shape.window > 0 && node >= position - shape.window {
        slot(stream, layout.windowRow(node)).update(from: source, count: 2 * width)
        setBias(stream, layout.windowRow(node), to: 0)
      }
      index += rows
    }
    var finished = position
    for level in layout.levels where finished > 0 {
      waiting(stream)[level.number] = finished % shape.arity
      show(level, of: stream, levelBias: levelBias?.base)
      finished /= shape.arity
    }
    for place in 0..<pinnedCount where state.pinnedScores.base[place] > -.infinity {
      pinned(stream, place).update(from: state.pinned.base + place * width, count: width)
      slot(stream, place).update(
        from: slots.base + (index + place) * 2 * width, count: 2 * width)
      pinnedScores[stream * (pinnedCount + 1) + place] = state.pinnedScores.base[place]
      setBias(stream, place, to: gates!.base[place])
    }
  }

  /// State of a stream after `position` tokens.
  public func state(of stream: Int, at position: Int) -> StreamTreeState {
    var rows: [Int] = []
    forEachCarried(after: position) { level, bank, node in
      let row = level.nodeRow(at: node % level.kept, bank: bank)
      rows += row..<row + level.slots
    }
    return StreamTreeState(
      nodes: Tensor(shape: [rows.count, width]) { nodes in
        for (index, row) in rows.enumerated() {
          (nodes + index * width).update(from: node(stream, row), count: width)
        }
      },
      pinned: Tensor(shape: [pinnedCount, width]) {
        $0.update(from: pinned(stream, 0), count: pinnedCount * width)
      },
      pinnedScores: Tensor(shape: [pinnedCount, 1]) {
        $0.update(from: pinnedScores + stream * (pinnedCount + 1), count: pinnedCount)
      })
  }

  /// Calls `body` with every node that a part with start `position` carries, in order.
  private func forEachCarried(
    after position: Int, _ body: (_ level: Level, _ bank: Int, _ node: Int) -> Void
  ) {
    guard position > 0 else { return }
    let tree = Tree(start: position, length: 1, shape: shape)
    func carried(_ level: Int, _ bank: Int) {
      let nodes = tree.level(level, bank: bank)
      for node in nodes.first..<nodes.first + nodes.carried {
        body(layout.levels[level], bank, node)
      }
    }
    carried(0, 0)
    guard tree.levels > 0 else { return }
    for bank in 0..<shape.banks { for level in 1...tree.levels { carried(level, bank) } }
  }
}
