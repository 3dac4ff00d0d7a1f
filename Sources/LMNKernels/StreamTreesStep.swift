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
    var below = layout.levels[0]
    for stream in 0..<streams {
      (newNodes + stream * width).update(from: tokens + stream * width, count: width)
      keep(stream, stream, at: positions[stream] % below.kept, on: below, bank: 0)
      positions[stream] += 1
      finish(below, of: stream, levelBias: levelBias)
      finishing[stream] = stream
    }
    var (members, count, span) = (streams, streams, shape.arity)
    for number in 1..<layout.levels.count {
      let level = layout.levels[number]
      members = keepFinishing(below, members)
      if members == 0 { break }
      let family = shape.arity * below.slots
      var child = work
      for bank in 0..<below.banks {
        for index in 0..<members {
          let stream = finishing[index]
          let first = number > 1 ? 0 : (positions[stream] - shape.arity) % below.kept
          child.update(
            from: node(stream, below.nodeRow(at: first, bank: bank)), count: family * width)
          child += family * width
        }
      }
      maker.make(
        lmn_families(
          count: members, slots: below.slots, child: 0,
          child_stride: number == 1 ? 0 : members * family,
          node: streams * layout.childRows + count, node_stride: members * level.slots, grown: 0,
          grown_stride: number == 1 ? 0 : members * shape.arity * level.slots), kernels)
      for bank in 0..<level.banks {
        for index in 0..<members {
          let stream = finishing[index]
          keep(count, stream, at: waiting(stream)[number], on: level, bank: bank)
          count += level.slots
        }
      }
      for index in 0..<members {
        let stream = finishing[index]
        if positions[stream] == span {
          clearSlots(stream, level.slotRows)
          counts[stream] = level.slotRows.upperBound
        }
        finish(level, of: stream, levelBias: levelBias)
      }
      (below, span) = (level, span * shape.arity)
    }
    return count
  }

  /// Of the first `count` streams that finish nodes of a level, keeps those whose families it
  /// completes.
  ///
  /// - Returns: How many.
  private func keepFinishing(_ level: Level, _ count: Int) -> Int {
    var kept = 0
    for index in 0..<count where waiting(finishing[index])[level.number] == 0 {
      finishing[kept] = finishing[index]
      kept += 1
    }
    return kept
  }

  /// Puts a new node where its family stands, and notes where its slots are.
  private func keep(_ new: Int, _ stream: Int, at place: Int, on level: Level, bank: Int) {
    node(stream, level.nodeRow(at: place, bank: bank)).update(
      from: newNodes + new * width, count: level.slots * width)
    let row = level.slotRow(of: waiting(stream)[level.number], bank: bank)
    for index in 0..<level.slots {
      destinations[new + index] = row.map { slot(stream, $0 + index) }
    }
  }

  /// Counts a new node of a level, which waits for siblings unless it is the last of its family, and
  /// says who is seen now.
  private func finish(_ level: Level, of stream: Int, levelBias: UnsafePointer<Float>?) {
    let waiting = waiting(stream) + level.number
    waiting.pointee = waiting.pointee == shape.arity - 1 ? 0 : waiting.pointee + 1
    show(level, of: stream, levelBias: levelBias)
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
          length: 1, count: pins, scores: own, seen: seen.base, audience: audience.base,
          pinned: chosen.base)
        lmn_token_attention_pinned(&arguments)
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
