import CLMN
import LMNKernels
import LMNTestSupport

/// A stream with an affine summary; keys are the tokens, slots the nodes, as both query and value.
struct AttendedStream {
  let shape: TreeShape
  let length, heads, width: Int
  let tokens: Tensor
  let levelBias: Tensor?
  private let summary: RandomSummary

  /// Trees of all shapes, with heads and widths that fill vectors, and that do not.
  static func all(length: Int) -> [AttendedStream] {
    let sizes = [(2, 6), (1, 16), (2, 32), (4, 32), (8, 16), (16, 16)]
    return combinations(24, of: treeShapes, sizes, [true, false]).map { shape, size, hasLevelBias in
      AttendedStream(
        shape, length: length, heads: size.0, width: size.1, hasLevelBias: hasLevelBias)
    }
  }

  /// A tree of which a position sees up to 111 slots: more than a block of 64.
  static func wide(length: Int) -> AttendedStream {
    AttendedStream(
      TreeShape(banks: 3, arity: 8, expansion: 3, visibility: .disjoint), length: length, heads: 2,
      width: 6)
  }

  init(
    _ shape: TreeShape, length: Int, heads: Int, width: Int, hasLevelBias: Bool = false
  ) {
    self.shape = shape
    self.length = length
    self.heads = heads
    self.width = width
    tokens = .random([length, width], seed: 1)
    levelBias = hasLevelBias ? .random([shape.maximumLevels + 1, heads], seed: 2) : nil
    summary = RandomSummary(.affine, of: shape, width: width, seed: 3)
  }

  func parts(_ lengths: [Int]) -> [StreamedTree] {
    StreamedTree.parts(lengths, of: tokens, shape: shape) {
      summary.nodes(of: $1, tokens: $0, carried: $2)
    }
  }

  func slots(of part: StreamedTree) -> Tensor { part.nodes.twiceSideBySide }

  func outputs(of lengths: [Int]) -> Tensor {
    Tensor.concatenatingRows(
      parts(lengths).map { part in
        let keys = tokens.rows(part.tree.start..<part.tree.start + part.tree.length)
        let view = AttentionView(of: part.tree, heads: heads, levelBias: levelBias)
        return slots(of: part).singleVectorAttention(keys: keys, seeing: view).output
      })
  }
}

extension Tensor {
  /// `[rows, 2E]` for `self` of `[rows, E]`.
  var twiceSideBySide: Tensor {
    let (rows, width, scalars) = (shape[0], shape[1], self.scalars)
    return Tensor(
      shape: [rows, 2 * width],
      scalars: (0..<rows).flatMap { row in
        let values = scalars[row * width..<(row + 1) * width]
        return values + values
      })
  }

  /// The given rows, in order; a row may occur several times.
  func gatheringRows(at indices: [Int]) -> Tensor {
    let (width, scalars) = (shape[1], self.scalars)
    return Tensor(
      shape: [indices.count, width],
      scalars: indices.flatMap { scalars[$0 * width..<($0 + 1) * width] })
  }

  /// The attention of every row to its own table of slots, with biases `[count, H]` of each.
  func singleVectorAttention(over slots: [Tensor], biases: [Tensor]?, heads: Int) -> Tensor {
    let context = ExecutionContext.current
    return Tensor(shape: shape) { output in
      let tables: [UnsafePointer<Float>?] = slots.map(\.base)
      let biasTables: [UnsafePointer<Float>?]? = biases.map { $0.map(\.base) }
      let counts = slots.map { $0.shape[0] }
      tables.withUnsafeBufferPointer { tables in
        (biasTables ?? []).withUnsafeBufferPointer { biasTables in
          counts.withUnsafeBufferPointer { counts in
            var arguments = lmn_single_vector_attention_step(
              streams: shape[0], width: shape[1], heads: heads, slots: tables.baseAddress,
              biases: biases == nil ? nil : biasTables.baseAddress,
              counts: counts.baseAddress, keys: base, output: output)
            lmn_single_vector_attention_step_forward(
              context.instructionSet.context(threads: context.threadCount), &arguments)
          }
        }
      }
    }
  }
}
