internal import CLMN

extension StreamTrees {
  /// Takes a token of every stream, makes the nodes that it finishes, and queries and values of all
  /// of them.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`.
  ///   - summary: How a node is made.
  ///   - expansion: For trees that grow.
  ///   - queryValue: `[E, 2E]`.
  ///   - queryValueBias: `[2E]`.
  ///   - levelBias: `[levels, H]`, or nil.
  public func step(
    _ tokens: Tensor, summary: Summary, expansion: Expansion?, queryValue: Tensor,
    queryValueBias: Tensor, levelBias: Tensor?
  ) {
    precondition(
      tokens.shape == [streams, width] && queryValue.shape == [width, 2 * width]
        && queryValueBias.shape == [2 * width],
      "StreamTrees: tokens \(tokens.shape), query and value \(queryValue.shape)")
    let maker = NodeMaker(
      summary, expansion: expansion, in: work, rows: streams * (layout.childRows + layout.newRows),
      width: width, of: Tree(length: 1, shape: shape), grownRows: streams * layout.grownRows)
    let (values, weight, bias) = (tokens.base, queryValue.base, queryValueBias.base)
    let levelBiases = levelBias?.base
    ExecutionContext.current.run(
      on: self, tokens, queryValue, queryValueBias, levelBias, maker.operands
    ) { [self] kernels in
      let count = makeNodes(of: values, maker, kernels, levelBiases)
      var arguments = lmn_matmul(
        rows: count, inner: width, columns: 2 * width, left: newNodes, right: weight, bias: bias,
        product: projected)
      lmn_matmul_forward(kernels, &arguments)
      for row in 0..<count {
        destinations[row]?.update(from: projected + row * 2 * width, count: 2 * width)
      }
      if shape.window > 0 { moveWindows() }
    }
  }

  /// Behind the children of the families of one level.
  private var newNodes: UnsafeMutablePointer<Float> { work + streams * layout.childRows * width }

  /// Makes the nodes that a token of every stream finishes, itself included.
  ///
  /// - Returns: How many rows they have, one after the other in `newNodes`, the tokens first.
  private func makeNodes(
    of tokens: UnsafePointer<Float>, _ maker: NodeMaker, _ kernels: lmn_context,
    _ levelBias: UnsafePointer<Float>?
  ) -> Int {
    for stream in 0..<streams {
      positions[stream] += 1
      heights[stream] = shape.height(of: positions[stream])
      (newNodes + stream * width).update(from: tokens + stream * width, count: width)
      place(stream, stream, positions[stream] - 1, level: 0, bank: 0)
      showLevel(stream, 0, nodes: positions[stream], levelBias: levelBias)
    }
    var (count, level, span) = (streams, 1, shape.arity)
    while level <= layout.levels {
      var members = 0
      for stream in 0..<streams where heights[stream] >= level { members += 1 }
      if members == 0 { return count }
      let below = shape.slots(onLevel: level - 1)
      let slots = shape.slots(onLevel: level)
      let family = shape.arity * below * width
      var child = work
      for bank in 0..<(level == 1 ? 1 : shape.banks) {
        for stream in 0..<streams where heights[stream] >= level {
          let first = positions[stream] / span * shape.arity - shape.arity
          let row = layout.nodeRow(first, level: level - 1, bank: bank)
          child.update(from: node(stream, row), count: family)
          child += family
        }
      }
      maker.make(
        lmn_families(
          count: members, slots: below, child: 0,
          child_stride: level == 1 ? 0 : members * shape.arity * below,
          node: streams * layout.childRows + count, node_stride: members * slots, grown: 0,
          grown_stride: level == 1 ? 0 : members * shape.arity * slots), kernels)
      for bank in 0..<shape.banks {
        for stream in 0..<streams where heights[stream] >= level {
          place(count, stream, positions[stream] / span - 1, level: level, bank: bank)
          count += slots
        }
      }
      for stream in 0..<streams where heights[stream] >= level {
        let nodes = positions[stream] / span
        if nodes == 1 {
          clearSlots(stream, layout.slotRows[level]..<layout.slotRows[level + 1])
          counts[stream] = layout.slotRows[level + 1]
        }
        showLevel(stream, level, nodes: nodes, levelBias: levelBias)
      }
      (level, span) = (level + 1, span * shape.arity)
    }
    return count
  }

  /// Puts a new node among its siblings, and notes where its slots are.
  private func place(_ new: Int, _ stream: Int, _ node: Int, level: Int, bank: Int) {
    let slots = shape.slots(onLevel: level)
    self.node(stream, layout.nodeRow(node, level: level, bank: bank)).update(
      from: newNodes + new * width, count: slots * width)
    let row = layout.slotRow(node, level: level, bank: bank)
    for index in 0..<slots { destinations[new + index] = row.map { slot(stream, $0 + index) } }
  }

  /// Shows the token before the newest in every window, and hides the newest, which is no part of
  /// its own.
  private func moveWindows() {
    for stream in 0..<streams {
      let token = positions[stream] - 1
      if token > 0 { setBias(stream, layout.windowRow(token - 1), to: 0) }
      slot(stream, layout.windowRow(token)).update(
        from: projected + stream * 2 * width, count: 2 * width)
      setBias(stream, layout.windowRow(token), to: Self.unseen)
    }
  }

  /// Pins every stream's newest token, if its score is higher than that of another pinned one.
  ///
  /// - Parameters:
  ///   - tokens: `[B, E]`, those that the last step took.
  ///   - scores: `[B, 1]`.
  ///   - gates: `[B, 1]`, added to the scores of the attention.
  public func pin(_ tokens: Tensor, scores: Tensor, gates: Tensor) {
    precondition(
      tokens.shape == [streams, width] && scores.count == streams && gates.count == streams,
      "StreamTrees: scores \(scores.shape) and gates \(gates.shape) of \(tokens.shape)")
    let (values, scores, gates) = (tokens.base, scores, gates)
    let seen = Buffer<Int32>(repeatElement(0, count: pins))
    let audience = Buffer<Int32>(repeatElement(0, count: 2 * (pins + 1)))
    let chosen = PositionBuffer(repeatElement(0, count: pins))
    ExecutionContext.current.run(
      on: self, tokens, scores, gates, seen, audience, chosen
    ) { [self, scores = scores.base, gates = gates.base] _ in
      for stream in 0..<streams {
        let own = pinnedScores + stream * (pins + 1)
        own[pins] = scores[stream]
        var arguments = lmn_pinning(
          length: 1, places: pins, scores: own, seen: seen.base, audience: audience.base,
          pinned: chosen.base)
        lmn_recall_pinned(&arguments)
        for place in 0..<pins where chosen.base[place] == pins {
          own[place] = own[pins]
          pinned(stream, place).update(from: values + stream * width, count: width)
          slot(stream, place).update(
            from: projected + stream * 2 * width, count: 2 * width)
          setBias(stream, place, to: gates[stream])
        }
      }
    }
  }
}
