internal import CLMN

extension StreamTrees {
  /// Appends a token to every stream: computes the nodes that it completes, and query and value of
  /// each.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`.
  ///   - positions: Number of tokens of each stream before the step.
  ///   - summary: Map from the children of a node to the node.
  ///   - expansion: Expansion; nil if g is 0.
  ///   - queryValue: `[E, 2E]`.
  ///   - queryValueBias: `[2E]`.
  ///   - levelBias: `[maximumLevels + 1, H]`; nil for none.
  ///   - windowBias: `[window, H]`; nil for none.
  /// - Precondition: The positions are those of the streams, at every run of a recording too. Only
  ///   their remainders by the arity are checked.
  public func step(
    _ tokens: Tensor, at positions: PositionBuffer, summary: Summary, expansion: Expansion?,
    queryValue: Tensor, queryValueBias: Tensor, levelBias: Tensor?, windowBias: Tensor? = nil
  ) {
    precondition(
      tokens.shape == [streams, width] && positions.count == streams
        && queryValue.shape == [width, 2 * width] && queryValueBias.shape == [2 * width],
      "StreamTrees: tokens \(tokens.shape), query and value \(queryValue.shape)")
    precondition(
      windowBias == nil || windowBias!.shape == [shape.window, heads],
      "StreamTrees: bias \(windowBias?.shape ?? []) of a window of \(shape.window)")
    let maker = NodeMaker(
      summary, expansion: expansion, in: work, rows: streams * (layout.childRows + layout.newRows),
      width: width, of: Tree(length: 1, shape: shape), grownRows: streams * layout.grownRows)
    let (values, weight, bias) = (tokens.base, queryValue.base, queryValueBias.base)
    let (levelBiases, windowBiases) = (levelBias?.base, windowBias?.base)
    ExecutionContext.current.run(
      on: self, tokens, positions, queryValue, queryValueBias, levelBias, windowBias,
      maker.operands
    ) { [self] kernels in
      let count = makeNodes(of: values, at: positions.base, maker, kernels, levelBiases)
      var arguments = lmn_matmul(
        rows: count, inner: width, columns: 2 * width, left: newNodes, right: weight, bias: bias,
        product: projected)
      lmn_matmul_forward(kernels, &arguments)
      for row in 0..<count {
        destinations[row]?.update(from: projected + row * 2 * width, count: 2 * width)
      }
      if shape.window > 0 { moveWindows(at: positions.base, windowBiases) }
    }
  }

  /// New nodes, after the children of the families of one level.
  private var newNodes: UnsafeMutablePointer<Float> { work + streams * layout.childRows * width }

  /// Computes the nodes that a token of every stream completes, and copies the token itself.
  ///
  /// - Returns: Number of rows of the new nodes, consecutive in `newNodes`, the tokens first.
  private func makeNodes(
    of tokens: UnsafePointer<Float>, at positions: UnsafePointer<Int64>, _ maker: NodeMaker,
    _ kernels: lmn_context, _ levelBias: UnsafePointer<Float>?
  ) -> Int {
    var below = layout.levels[0]
    for stream in 0..<streams {
      let waiting = waiting(stream)[0]
      precondition(
        Int(positions[stream]) % shape.arity == waiting,
        """
        StreamTrees.step: position \(positions[stream]) of stream \(stream), whose newest family of \
        \(shape.arity) has \(waiting) tokens
        """)
      (newNodes + stream * width).update(from: tokens + stream * width, count: width)
      keep(stream, stream, at: Int(positions[stream]) % below.kept, on: below, bank: 0)
      finish(below, of: stream, levelBias: levelBias)
      finishing[stream] = stream
    }
    var (finishingCount, count, span) = (streams, streams, shape.arity)
    for number in 1..<layout.levels.count {
      let level = layout.levels[number]
      finishingCount = keepFinishing(below, finishingCount)
      if finishingCount == 0 { break }
      let family = shape.arity * below.slots
      var child = work
      for bank in 0..<below.banks {
        for index in 0..<finishingCount {
          let stream = finishing[index]
          let first = number > 1 ? 0 : (Int(positions[stream]) + 1 - shape.arity) % below.kept
          child.update(
            from: node(stream, below.nodeRow(at: first, bank: bank)), count: family * width)
          child += family * width
        }
      }
      maker.make(
        lmn_families(
          count: finishingCount, slots: below.slots, child: 0,
          child_stride: number == 1 ? 0 : finishingCount * family,
          node: streams * layout.childRows + count, node_stride: finishingCount * level.slots,
          grown: 0,
          grown_stride: number == 1 ? 0 : finishingCount * shape.arity * level.slots), kernels)
      for bank in 0..<level.banks {
        for index in 0..<finishingCount {
          let stream = finishing[index]
          keep(count, stream, at: waiting(stream)[number], on: level, bank: bank)
          count += level.slots
        }
      }
      for index in 0..<finishingCount {
        let stream = finishing[index]
        if Int(positions[stream]) + 1 == span {
          clearSlots(stream, level.slotRows)
          counts[stream] = level.slotRows.upperBound
        }
        finish(level, of: stream, levelBias: levelBias)
      }
      (below, span) = (level, span * shape.arity)
    }
    return count
  }

  /// Reduces the first `count` streams of `finishing`, which complete a node of `level`, to those
  /// that complete a family with it.
  ///
  /// - Returns: Number of remaining streams.
  private func keepFinishing(_ level: Level, _ count: Int) -> Int {
    var kept = 0
    for index in 0..<count where waiting(finishing[index])[level.number] == 0 {
      finishing[kept] = finishing[index]
      kept += 1
    }
    return kept
  }

  /// Copies a new node into its family and sets the destinations of its slots.
  private func keep(_ new: Int, _ stream: Int, at place: Int, on level: Level, bank: Int) {
    node(stream, level.nodeRow(at: place, bank: bank)).update(
      from: newNodes + new * width, count: level.slots * width)
    let row = level.slotRow(of: waiting(stream)[level.number], bank: bank)
    for index in 0..<level.slots {
      destinations[new + index] = row.map { slot(stream, $0 + index) }
    }
  }

  /// Counts a new node of a level, and updates which nodes are seen.
  private func finish(_ level: Level, of stream: Int, levelBias: UnsafePointer<Float>?) {
    let waiting = waiting(stream) + level.number
    waiting.pointee = waiting.pointee == shape.arity - 1 ? 0 : waiting.pointee + 1
    show(level, of: stream, levelBias: levelBias)
  }

  /// Adds the previous token of every stream to its window, and writes the newest one, hidden: a
  /// position sees its own token in the tree.
  ///
  /// With biases, the place of every token of the window is one farther.
  private func moveWindows(
    at positions: UnsafePointer<Int64>, _ windowBias: UnsafePointer<Float>?
  ) {
    for stream in 0..<streams {
      let token = Int(positions[stream])
      if let windowBias {
        for place in 0..<min(shape.window, token) {
          bias(stream, layout.windowRow(token - 1 - place)).update(
            from: windowBias + place * heads, count: heads)
        }
      } else if token > 0 {
        setBias(stream, layout.windowRow(token - 1), to: 0)
      }
      slot(stream, layout.windowRow(token)).update(
        from: projected + stream * 2 * width, count: 2 * width)
      setBias(stream, layout.windowRow(token), to: Self.unseen)
    }
  }

  /// Pins the newest token of every stream if its score is higher than the lowest of the pinned
  /// ones.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`, those of the last step.
  ///   - scores: `[B, 1]`.
  ///   - gates: `[B, 1]`, added to the attention scores.
  public func pin(_ tokens: Tensor, scores: Tensor, gates: Tensor) {
    precondition(
      tokens.shape == [streams, width] && scores.count == streams && gates.count == streams,
      "StreamTrees: scores \(scores.shape) and gates \(gates.shape) of \(tokens.shape)")
    let (values, scores, gates) = (tokens.base, scores, gates)
    let seen = Buffer<Int32>(repeatElement(0, count: pinnedCount))
    let audience = Buffer<Int32>(repeatElement(0, count: 2 * (pinnedCount + 1)))
    let chosen = PositionBuffer(repeatElement(0, count: pinnedCount))
    ExecutionContext.current.run(
      on: self, tokens, scores, gates, seen, audience, chosen
    ) { [self, scores = scores.base, gates = gates.base] _ in
      for stream in 0..<streams {
        let own = pinnedScores + stream * (pinnedCount + 1)
        own[pinnedCount] = scores[stream]
        var arguments = lmn_pinning(
          length: 1, count: pinnedCount, scores: own, seen: seen.base, audience: audience.base,
          pinned: chosen.base)
        lmn_token_attention_pinned(&arguments)
        for place in 0..<pinnedCount where chosen.base[place] == pinnedCount {
          own[place] = own[pinnedCount]
          pinned(stream, place).update(from: values + stream * width, count: width)
          slot(stream, place).update(
            from: projected + stream * 2 * width, count: 2 * width)
          setBias(stream, place, to: gates[stream])
        }
      }
    }
  }
}
