import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct TokenAttentionTests {
  static let calls: [KernelCall] = {
    let shapes = [(1, 16), (2, 3), (3, 8), (4, 8), (8, 2), (5, 1), (2, 16), (16, 1), (17, 2)]
    let windows = [(0, 1), (0, 20), (1, 7), (9, 30), (40, 65)].flatMap { start, length in
      [1, 2, 5, 17].map { window in
        TokenAttentionTable.window(
          of: Tree(start: start, length: length, shape: TreeShape(banks: 1, window: window)))
      }
    }
    let pins = [1, 3, 8].flatMap { places in
      [1, 17, 40].map {
        TokenAttentionTable.pinned(scores: pinScores(places, length: $0), places: places).0
      }
    }
    // More tokens per position than a block of 64.
    let random = [(3, 5), (40, 20), (200, 12), (150, 70)].enumerated().map {
      TokenAttentionTable.random(tokens: $1.0, length: $1.1, seed: UInt64($0))
    }
    return combinations(160, of: windows + pins + random, shapes, TokenAttentionTerms.all)
      .flatMap(calls)
  }()
  static let sharedCalls: [KernelCall] = {
    let table = TokenAttentionTable.random(tokens: 30, length: 40, seed: 1)
    let terms = TokenAttentionTerms(isGated: true, isBiased: true)
    return longCalls + [(4, 5), (4, 8)].flatMap { calls(of: table, shape: $0, terms) }
  }()
  /// Over 1,000 positions; most of the random tokens are seen from several blocks of positions.
  static let longCalls: [KernelCall] = {
    let tables = [
      .window(of: Tree(start: 40, length: 1100, shape: TreeShape(banks: 1, window: 7))),
      .window(of: Tree(length: 1100, shape: TreeShape(banks: 1, window: 70))),
      TokenAttentionTable.pinned(scores: pinScores(3, length: 1100), places: 3).table,
      .random(tokens: 20, length: 1100, seed: 1),
    ]
    return combinations(
      10, of: tables, [(1, 16), (2, 3), (4, 4), (17, 1)], TokenAttentionTerms.all
    )
    .flatMap(calls)
  }()

  private static func calls(
    of table: TokenAttentionTable, shape: (heads: Int, headWidth: Int),
    _ terms: TokenAttentionTerms
  ) -> [KernelCall] {
    [
      tokenAttention(table, heads: shape.heads, headWidth: shape.headWidth, terms),
      tokenAttentionPullback(table, heads: shape.heads, headWidth: shape.headWidth, terms),
    ]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Positions that see no token keep their output and log-normalizer, bit for bit.
  @Test(arguments: InstructionSet.available, [(1, 16), (4, 2), (17, 1)])
  func keepsPositionsWithoutTokens(_ instructionSet: InstructionSet, _ shape: (Int, Int)) {
    let table = TokenAttentionTable(
      description: "no tokens", tokens: 2, places: 3, seen: [[], [], [], [], []])
    for isBiased in [false, true] {
      let call = tokenAttention(
        table, heads: shape.0, headWidth: shape.1, TokenAttentionTerms(isBiased: isBiased))
      #expect(call.results(in: instructionSet.context()) == Array(call.inputs[4...]))
    }
  }

  // MARK: Tables

  @Test(arguments: treeShapes)
  func windowFollowsTheDefinition(_ shape: TreeShape) {
    for window in [1, 2, 7, 40] {
      let shape = TreeShape(
        banks: 1, arity: shape.arity, maximumLevels: shape.maximumLevels, window: window,
        visibility: shape.visibility)
      for start in 0...20 {
        for length in [1, 2, 3, 9, 50] {
          let tree = Tree(start: start, length: length, shape: shape)
          let expected = TokenAttentionTable.window(of: tree)
          let (seen, audience) = tables(tokens: expected.tokens, places: window, length: length) {
            lmn_token_attention_window(tree.part, $0, $1)
          }
          expectTable(seen, audience, toBe: expected)
        }
      }
    }
  }

  /// Few different scores, for ties; NaN, which is never pinned; and −∞, which is an empty place.
  @Test(arguments: 1...5, 0..<40)
  func pinnedFollowsTheDefinition(places: Int, seed: Int) {
    var values = SeededValues(seed: UInt64(seed))
    let few: [Float] = [0, 1, 1, 2, 3, -.infinity, .nan, -5]
    let length = 1 + Int(values.integers(1, below: 40)[0])
    let before = values.integers(places, below: 4).map { $0 == 3 ? -.infinity : Float($0) }
    let scores = before + values.integers(length, below: few.count).map { few[Int($0)] }
    expectPins(scores, places: places)
    expectPins(before + values.floats(length), places: places)
  }

  /// The first place of lowest score is replaced, by a higher score only.
  @Test func pinnedBreaksTiesByHand() {
    let table = expectPins([-.infinity, -.infinity, 5, 5, 5, 6, 7, .nan, 7, 1], places: 2)
    #expect(table.seen == [[], [2], [2, 3], [2, 3], [5, 3], [5, 6], [5, 6], [8, 6]])
  }

  /// Tokens pinned after a part are those with which the next part begins.
  @Test(arguments: streamPartitions)
  func pinnedCarriesOverParts(lengths: [Int]) {
    let (places, length) = (4, lengths.reduce(0, +))
    let scores = pinScores(places, length: length).suffix(length)
    let whole = TokenAttentionTable.pinned(
      scores: [Float](repeating: -.infinity, count: places) + scores, places: places
    ).table.seen.map { $0.map { $0 - places } }
    var held = [Int?](repeating: nil, count: places)
    var start = 0
    for length in lengths {
      let tree = Tree(start: start, length: length, banks: 1)
      func score(_ token: Int?) -> Float {
        token.map { scores[scores.startIndex + $0] } ?? -.infinity
      }
      let own = held.map(score) + (start..<start + length).map(score)
      let (_, pinned) = TokenAttention.pinned(
        scores: Tensor(shape: [own.count], scalars: own), count: places, in: tree)
      let (seen, _) = tables(tokens: own.count, places: places, length: length) {
        pin(own, places: places, $0, $1)
      }
      let stream: (Int) -> Int? = { [held, start] in $0 < places ? held[$0] : start + $0 - places }
      for position in 0..<length {
        let tokens = seen[position * places..<(position + 1) * places].filter { $0 >= 0 }
        #expect(tokens.map { stream(Int($0)) } == whole[start + position])
      }
      held = pinned.elements.map { stream(Int($0)) }
      start += length
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = TokenAttention.pinned(
        scores: Tensor(shape: [4], repeating: 0), count: 2, in: Tree(length: 3, banks: 1))
    }
    await #expect(processExitsWith: .failure) {
      let tree = Tree(length: 3, shape: TreeShape(banks: 1, window: 2))
      _ = Tensor(shape: [tree.rowCount, 4], repeating: 0).singleVectorAttention(
        keys: Tensor(shape: [3, 2], repeating: 0),
        seeing: AttentionView(
          of: tree, heads: 1,
          beside: [(.window(of: tree), Tensor(shape: [2], repeating: 0), nil)]))
    }
    await #expect(processExitsWith: .failure) {
      let tree = Tree(length: 3, shape: TreeShape(banks: 1, window: 2))
      _ = Tensor(shape: [tree.rowCount, 4], repeating: 0).singleVectorAttention(
        keys: Tensor(shape: [3, 2], repeating: 0),
        seeing: AttentionView(
          of: tree, heads: 1,
          beside: [(.window(of: tree), nil, Tensor(shape: [3, 1], repeating: 0))]))
    }
  }
}

/// Scores without ties: of places, all but the second of them filled, then of tokens.
private func pinScores(_ places: Int, length: Int) -> [Float] {
  var values = SeededValues(seed: 7)
  return (0..<places).map { $0 == 1 ? -.infinity : values.floats(1)[0] } + values.floats(length)
}

/// Tables written by `fill`.
private func tables(
  tokens: Int, places: Int, length: Int,
  _ fill: (_ seen: UnsafeMutablePointer<Int32>, _ audience: UnsafeMutablePointer<Int32>) -> Void
) -> (seen: [Int32], audience: [Int32]) {
  let seen = GuardedBuffer([Int32](repeating: .min, count: length * places))
  let audience = GuardedBuffer([Int32](repeating: .min, count: 2 * tokens))
  fill(seen.base, audience.base)
  #expect(seen.hasIntactMargins && audience.hasIntactMargins)
  return (seen.elements, audience.elements)
}

@discardableResult
private func pin(
  _ scores: [Float], places: Int, _ seen: UnsafeMutablePointer<Int32>,
  _ audience: UnsafeMutablePointer<Int32>
) -> [Int64] {
  var pinned = [Int64](repeating: .min, count: places)
  pinned.withUnsafeMutableBufferPointer { pinned in
    let arrays = GuardedBuffer(scores)
    var arguments = lmn_pinning(
      length: scores.count - places, count: places, scores: arrays.base, seen: seen,
      audience: audience, pinned: pinned.baseAddress)
    lmn_token_attention_pinned(&arguments)
    #expect(arrays.isUnchanged && arrays.hasIntactMargins)
  }
  return pinned
}

private func expectTable(
  _ seen: [Int32], _ audience: [Int32], toBe expected: TokenAttentionTable,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = expected.seen.indices.map { position in
    seen[position * expected.places..<(position + 1) * expected.places].filter { $0 >= 0 }.sorted()
  }
  #expect(
    found == expected.seen.map { $0.map(Int32.init).sorted() }, "\(expected)",
    sourceLocation: sourceLocation)
  let ranges = expected.audience
  for token in 0..<expected.tokens {
    let (first, end) = (audience[2 * token], audience[2 * token + 1])
    let isSeen = ranges[2 * token] < ranges[2 * token + 1]
    #expect(
      isSeen ? [first, end] == [ranges[2 * token], ranges[2 * token + 1]] : first >= end,
      "token \(token) of \(expected)", sourceLocation: sourceLocation)
  }
}

/// Expects pinned tokens to follow the definition, and to have the highest scores.
@discardableResult
private func expectPins(
  _ scores: [Float], places: Int, sourceLocation: SourceLocation = #_sourceLocation
) -> TokenAttentionTable {
  let (expected, expectedPins) = TokenAttentionTable.pinned(scores: scores, places: places)
  var pins: [Int64] = []
  let (seen, audience) = tables(
    tokens: scores.count, places: places, length: scores.count - places
  ) { pins = pin(scores, places: places, $0, $1) }
  expectTable(seen, audience, toBe: expected, sourceLocation: sourceLocation)
  // An empty place has its own index.
  #expect(
    pins.map(Int.init) == expectedPins.enumerated().map { $1 ?? $0 },
    sourceLocation: sourceLocation)
  for (position, tokens) in expected.seen.enumerated() {
    let before = scores.prefix(places + position).filter { $0 > -.infinity }
    #expect(
      tokens.map { scores[$0] }.sorted(by: >) == Array(before.sorted(by: >).prefix(places)),
      sourceLocation: sourceLocation)
  }
  return expected
}
