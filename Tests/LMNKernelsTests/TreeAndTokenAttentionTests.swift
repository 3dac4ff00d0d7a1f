import Foundation
import LMNKernels
import LMNTestSupport
import Testing

/// Attention over a tree, its window and pinned tokens together.
@Suite struct TreeAndTokenAttentionTests {
  private static let (places, width, heads) = (3, 8, 2)

  /// Compares with one softmax over all slots, by definition and in double precision.
  @Test(arguments: InstructionSet.available, treeShapes)
  func isOneSoftmaxOverAllSlots(_ instructionSet: InstructionSet, _ shape: TreeShape) {
    let (places, width, heads) = (Self.places, Self.width, Self.heads)
    let shape = shape.with(window: shape.window > 0 ? shape.window : 4)
    for (start, length) in [(0, 30), (17, 25)] {
      let tree = Tree(start: start, length: length, shape: shape)
      var values = SeededValues(seed: 1)
      func random(_ shape: Int...) -> Tensor {
        Tensor(shape: shape, scalars: values.floats(shape.reduce(1, *)))
      }
      let slots = random(tree.rowCount + places, 2 * width)
      let (keys, levelBias) = (random(length, width), random(shape.maximumLevels + 1, heads))
      let (gates, scores) = (random(places + length), random(places + length))
      let windowBias = random(shape.window, heads)
      let (output, logNormalizer) = computing(on: instructionSet) {
        slots.singleVectorAttention(
          keys: keys,
          seeing: AttentionView(
            of: tree, heads: heads, levelBias: levelBias,
            beside: [
              (.window(of: tree), nil, windowBias),
              (
                TokenAttention.pinned(scores: scores, count: places, in: tree).tokenAttention,
                gates, nil
              ),
            ]))
      }
      let window = TokenAttentionTable.window(of: tree).seen
      let pinned = TokenAttentionTable.pinned(scores: scores.scalars, places: places).table.seen
      let bounds = AttentionBounds(
        heads: heads, headWidth: width / heads, slots: tree.mostSlots + shape.window + places,
        isBiased: true)
      let tokenRow = tree.tokenRows.lowerBound
      for position in 0..<length {
        let seen =
          tree.viewOfTheRule(at: position).map { slot in
            (slot.row, (0..<heads).map { levelBias.scalars[slot.level * heads + $0] })
          }
          + window[position].map { token in
            let place = tree.level(0).carried + position - token - 1
            return (token, (0..<heads).map { windowBias.scalars[place * heads + $0] })
          }
          + pinned[position].map { token in
            (
              token < places ? tree.rowCount + token : tokenRow + token - places,
              [Float](repeating: gates.scalars[token], count: heads)
            )
          }
        let expected = attention(
          of: keys.rows(position..<position + 1), to: seen, in: slots, heads: heads)
        // Three attentions, one after the other, and this one's rounding.
        expectClose(
          output.rows(position..<position + 1).scalars, expected.output,
          within: .init(repeating: 3 * bounds.outputError, count: width),
          "output at \(position) of \(tree)")
        expectClose(
          logNormalizer.rows(position..<position + 1).scalars, expected.logNormalizer,
          within: .init(repeating: 3 * bounds.logNormalizerError, count: heads),
          "log-normalizer at \(position) of \(tree)")
      }
    }
  }

  /// Parts with carried nodes and pinned tokens give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    computing(on: instructionSet) {
      for (shape, kind) in combinations(24, of: treeShapes, RandomSummary.Kind.allCases) {
        let stream = TokenAttentionStream(
          shape, kind, length: lengths.reduce(0, +), places: Self.places)
        #expect(stream.outputs(of: lengths) == stream.outputs(of: [stream.length]), "\(shape)")
      }
    }
  }

  /// Scores, gates and biases of up to ±10,000.
  @Test(arguments: InstructionSet.available, [0, 1e4, -1e4] as [Float])
  func staysFinite(_ instructionSet: InstructionSet, size: Float) {
    computing(on: instructionSet) {
      let tree = Tree(start: 5, length: 20, shape: TreeShape(banks: 2, window: 3))
      let keys = Tensor(shape: [20, 6], repeating: 1)
      let slots = Tensor(shape: [tree.rowCount + 2, 12], repeating: size)
      let scores = Tensor(shape: [22], scalars: [-.infinity, 0] + (0..<20).map(Float.init))
      for gate in [size, -size] {
        let view = AttentionView(
          of: tree, heads: 2,
          beside: [
            (.window(of: tree), nil, Tensor(shape: [3, 2], repeating: -gate)),
            (
              TokenAttention.pinned(scores: scores, count: 2, in: tree).tokenAttention,
              Tensor(shape: [22], repeating: gate), nil
            ),
          ])
        let (output, logNormalizer) = slots.singleVectorAttention(keys: keys, seeing: view)
        let pulled = slots.singleVectorAttentionPullback(
          keys, keys: keys, output: output, logNormalizer: logNormalizer, seeing: view)
        #expect(output.scalars.allSatisfy { abs($0) <= 1.0001 * abs(size) })
        #expect(
          [logNormalizer, pulled.slots, pulled.keys, pulled.gates[1]!, pulled.placeBiases[0]!]
            .allSatisfy { $0.scalars.allSatisfy(\.isFinite) })
        #expect(pulled.gates[0] == nil && pulled.placeBiases[1] == nil)
      }
    }
  }
}

extension TreeShape {
  func with(window: Int) -> TreeShape {
    TreeShape(
      banks: banks, arity: arity, expansion: expansion, maximumLevels: maximumLevels,
      window: window,
      visibility: visibility)
  }
}

/// Attention of a key `[1, E]` to some rows of slots, with biases of their scores.
private func attention(
  of key: Tensor, to seen: [(row: Int, bias: [Float])], in slots: Tensor, heads: Int
) -> (output: [Float], logNormalizer: [Float]) {
  let (width, key, slots) = (key.shape[1], key.doubles, slots.doubles)
  var (output, logNormalizer) = ([Float](repeating: 0, count: width), [Float]())
  for head in 0..<heads {
    let features = stride(from: head, to: width, by: heads)
    let exponentials = seen.map { row, bias in
      let dot = features.reduce(0) { $0 + slots[row * 2 * width + $1] * key[$1] }
      return exp(dot / (Double(width) / Double(heads)).squareRoot() + Double(bias[head]))
    }
    let sum = exponentials.reduce(0, +)
    logNormalizer.append(Float(log(sum)))
    for feature in features {
      output[feature] = Float(
        zip(seen, exponentials).reduce(0) {
          $0 + $1.1 / sum * slots[$1.0.row * 2 * width + width + feature]
        })
    }
  }
  return (output, logNormalizer)
}
