import LMNKernels
import LMNTestSupport
import Testing

/// The sequential form: decode steps.
@Suite struct StreamTreesTests {
  /// Every shape with every summary, with and without pinned tokens and biases; the first is the
  /// published tree, in the second a position sees more than a block of 64 slots.
  private static let streams: [TokenAttentionStream] =
    [
      TokenAttentionStream(
        TreeShape(banks: 2), .affine, length: 70, places: 0, hasLevelBias: false),
      TokenAttentionStream(
        TreeShape(banks: 3, arity: 8, expansion: 3, visibility: .disjoint), .separable, length: 70,
        places: 0),
    ]
    + combinations(
      32, of: treeShapes, RandomSummary.Kind.allCases, [30, 70], [0, 0, 2, 3], [true, false]
    ).map { shape, kind, length, places, hasLevelBias in
      TokenAttentionStream(
        shape, kind, length: length, places: places, hasLevelBias: hasLevelBias,
        hasWindowBias: !hasLevelBias)
    }
    + [1, 2, 5].map { window in
      TokenAttentionStream(
        TreeShape(banks: 2, maximumLevels: 3, window: window), .affine, length: 70, places: 3)
    }

  /// Streams of over 1,000 tokens.
  private static let longStreams = [
    TokenAttentionStream(TreeShape(banks: 2), .affine, length: 1100, places: 0),
    TokenAttentionStream(
      TreeShape(banks: 1, arity: 3, expansion: 1, window: 3, visibility: .disjoint), .separable,
      length: 1100, places: 2),
  ]

  /// Nodes and pinned tokens have the bits of the parallel form; so has the output of a tree alone.
  ///
  /// Window and pinned tokens are summed in another order.
  @Test(arguments: InstructionSet.available, streams + longStreams)
  func stepsEqualTheParallelForm(_ instructionSet: InstructionSet, _ stream: TokenAttentionStream) {
    computing(on: instructionSet) {
      let trees = stream.trees(1)
      let whole = stream.parts([stream.length])[0]
      let ones = stream.parts([Int](repeating: 1, count: stream.length))
      let attendsToTokens = stream.places > 0 || stream.shape.window > 0
      let bounds = stream.bounds(over: whole)
      for position in 0..<stream.length {
        let found = stream.step(trees, at: [position])
        let expected = whole.output.rows(position..<position + 1)
        if attendsToTokens {
          expectClose(
            found.scalars, expected.scalars,
            within: .init(repeating: 2 * bounds.outputError, count: stream.width),
            "position \(position) of \(stream.shape)")
        } else {
          #expect(found == expected, "position \(position) of \(stream.shape)")
        }
        let (state, one) = (trees.state(of: 0, at: position + 1), ones[position])
        #expect(state.nodes == one.nodes.rows(at: one.tree.newestRows))
        #expect(state.pinned == one.pins.tokens)
        #expect(state.pinnedScores == one.pins.scores)
      }
    }
  }

  /// At every position, a state is the same after it is saved and loaded into trees that held other
  /// tokens, and the next steps have the same bits.
  @Test(arguments: InstructionSet.available, streams)
  func resumesFromAState(_ instructionSet: InstructionSet, _ stream: TokenAttentionStream) {
    computing(on: instructionSet) {
      let (trees, others) = (stream.trees(1), stream.trees(1))
      for position in 0..<stream.length {
        let state = trees.state(of: 0, at: position)
        stream.load(state, at: position, into: others, 0)
        let again = others.state(of: 0, at: position)
        #expect(again.nodes == state.nodes)
        #expect(again.pinned == state.pinned)
        #expect(again.pinnedScores == state.pinnedScores)
        let expected = stream.step(trees, at: [position])
        #expect(
          stream.step(others, at: [position]) == expected, "position \(position) of \(stream.shape)"
        )
        // Other contents before the next state is loaded.
        for next in position + 1..<min(position + 4, stream.length) {
          _ = stream.step(others, at: [next])
        }
      }
    }
  }

  /// A stream gives the bits of a new one after a reset; other streams are not affected.
  @Test(arguments: InstructionSet.available, streams)
  func resetEqualsANewStream(_ instructionSet: InstructionSet, _ stream: TokenAttentionStream) {
    computing(on: instructionSet) {
      let (trees, fresh, alone) = (stream.trees(2), stream.trees(1), stream.trees(1))
      for position in 0..<23 {
        _ = stream.step(trees, at: [position, position])
        _ = stream.step(alone, at: [position])
      }
      trees.reset(0)
      for position in 0..<7 {
        let found = stream.step(trees, at: [position, position + 23])
        let expected = [
          stream.step(fresh, at: [position]), stream.step(alone, at: [position + 23]),
        ]
        #expect(found == .concatenatingRows(expected), "position \(position) of \(stream.shape)")
      }
      let (state, expected) = (trees.state(of: 0, at: 7), fresh.state(of: 0, at: 7))
      #expect(state.nodes == expected.nodes)
      #expect(state.pinned == expected.pinned)
      #expect(state.pinnedScores == expected.pinnedScores)
    }
  }

  /// Streams at different positions step together and have the bits that they have alone.
  @Test(arguments: InstructionSet.available, streams)
  func streamsAtDifferentPositionsAreIndependent(
    _ instructionSet: InstructionSet, _ stream: TokenAttentionStream
  ) {
    computing(on: instructionSet) {
      let starts = [0, 5, 8, 15]
      let together = stream.trees(starts.count)
      let alone = starts.map { _ in stream.trees(1) }
      for (index, start) in starts.enumerated() {
        for position in 0..<start { _ = stream.step(alone[index], at: [position]) }
        stream.load(alone[index].state(of: 0, at: start), at: start, into: together, index)
      }
      for step in 0..<15 {
        let positions = starts.map { $0 + step }
        let found = stream.step(together, at: positions)
        let expected = zip(alone, positions).map { stream.step($0, at: [$1]) }
        #expect(found == .concatenatingRows(expected), "step \(step) of \(stream.shape)")
      }
      for (index, start) in starts.enumerated() {
        let (found, expected) = (
          together.state(of: index, at: start + 15), alone[index].state(of: 0, at: start + 15)
        )
        #expect(found.nodes == expected.nodes)
        #expect(found.pinned == expected.pinned)
      }
    }
  }

  /// A recorded step reads its tokens at every run, and continues from the positions of the
  /// streams.
  @Test(arguments: InstructionSet.available)
  func stepsAreRecorded(_ instructionSet: InstructionSet) {
    let context = ExecutionContext(instructionSet: instructionSet, threadCount: 1)
    for stream in Self.streams.prefix(12) {
      let (trees, called) = (stream.trees(1), stream.trees(1))
      let place: PositionBuffer = [0]
      var output: Tensor?
      let recording = Recording(in: context) {
        output = stream.step(trees, at: place)
        place.advance()
      }
      computing(on: instructionSet) {
        #expect(output == stream.step(called, at: [0]))
        for position in 1..<20 {
          recording.run(in: context)
          #expect(output == stream.step(called, at: [position]), "position \(position)")
        }
      }
    }
  }

  @Test func trapsOnTokensOfAnotherWidth() async {
    await #expect(processExitsWith: .failure) {
      let stream = TokenAttentionStream(
        TreeShape(banks: 1), .affine, length: 1, places: 0, width: 4)
      StreamTrees(streams: 1, width: 6, heads: 2, shape: stream.shape).step(
        stream.tokens, at: [0], summary: stream.summary.summary, expansion: nil,
        queryValue: stream.queryValue, queryValueBias: stream.queryValueBias, levelBias: nil)
    }
  }

  @Test func trapsOnABiasOfAnotherWindow() async {
    await #expect(processExitsWith: .failure) {
      let stream = TokenAttentionStream(
        TreeShape(banks: 1, window: 3), .affine, length: 1, places: 0)
      stream.trees(1).step(
        stream.tokens, at: [0], summary: stream.summary.summary, expansion: nil,
        queryValue: stream.queryValue, queryValueBias: stream.queryValueBias, levelBias: nil,
        windowBias: Tensor(shape: [2, stream.heads], repeating: 0))
    }
  }

  @Test func trapsOnAnotherPosition() async {
    await #expect(processExitsWith: .failure) {
      let stream = TokenAttentionStream(TreeShape(banks: 1), .affine, length: 2, places: 0)
      _ = stream.step(stream.trees(1), at: [1])
    }
  }

  @Test func trapsOnAStreamOutOfRange() async {
    await #expect(processExitsWith: .failure) {
      let stream = TokenAttentionStream(TreeShape(banks: 1), .affine, length: 1, places: 0)
      let trees = stream.trees(1)
      stream.load(trees.state(of: 0, at: 0), at: 0, into: trees, 1)
    }
  }
}

extension TokenAttentionStream: CustomTestStringConvertible {
  var testDescription: String {
    "\(shape), \(length) tokens, \(places) places\(levelBias == nil ? "" : ", level bias")"
      + (windowBias == nil ? "" : ", window bias")
  }

  fileprivate func trees(_ streams: Int) -> StreamTrees {
    StreamTrees(
      streams: streams, width: width, heads: heads, shape: shape, hasLevelBias: levelBias != nil,
      pinnedCount: places)
  }

  fileprivate func step(_ trees: StreamTrees, at positions: [Int]) -> Tensor {
    step(trees, at: PositionBuffer(positions.map(Int64.init)))
  }

  /// A step of streams at these positions.
  fileprivate func step(_ trees: StreamTrees, at positions: PositionBuffer) -> Tensor {
    let tokens = self.tokens.rows(at: positions)
    trees.step(
      tokens, at: positions, summary: summary.summary, expansion: summary.expansion,
      queryValue: queryValue,
      queryValueBias: queryValueBias, levelBias: levelBias, windowBias: windowBias)
    let output = tokens.singleVectorAttention(over: trees)
    if places > 0 {
      trees.pin(tokens, scores: scores.rows(at: positions), gates: gates.rows(at: positions))
    }
    return output
  }

  fileprivate func load(
    _ state: StreamTreeState, at position: Int, into trees: StreamTrees, _ index: Int
  ) {
    trees.load(
      index, state, at: position,
      slots: slots(of: .concatenatingRows([state.nodes, state.pinned])),
      gates: gatesOfPins(before: position), levelBias: levelBias)
  }

  /// Gates of the tokens that are pinned before a position, by the definition of pinning.
  fileprivate func gatesOfPins(before position: Int) -> Tensor? {
    guard places > 0 else { return nil }
    let empty = [Float](repeating: -.infinity, count: places)
    let (_, pinned) = TokenAttentionTable.pinned(
      scores: empty + scores.scalars.prefix(position), places: places)
    return Tensor(
      shape: [places, 1], scalars: pinned.map { $0.map { gates.scalars[$0 - places] } ?? 0 })
  }

  /// Error bounds of the attention over the whole stream.
  fileprivate func bounds(over whole: Part) -> AttentionBounds {
    let inputs = [
      slots(of: whole.nodes), slots(of: tokens), tokens, gates, levelBias ?? tokens,
      windowBias ?? tokens,
    ]
    return AttentionBounds(
      heads: heads, headWidth: width / heads, slots: whole.tree.mostSlots + shape.window + places,
      isBiased: true, size: inputs.flatMap(\.doubles).map(abs).max()!)
  }
}
