import CLMN
import LMNKernels
import LMNTestSupport

extension TreeShape {
  /// Matrices of an expansion: none where nothing grows.
  var taps: Int { expansion > 0 ? 1 + expansion : 0 }

  /// Of a list of slots that grows: the products of each tap, and the reference rounds.
  ///
  /// Nothing where nothing grows.
  func expansionRoundings(width: Int) -> Int { expansion > 0 ? taps * width + 1 : 0 }

  /// Weight and bias of an expansion that keeps slots of order one.
  func expansionInputs(width: Int, using values: inout SeededValues) -> [[Float]] {
    let border = 1 / Float(width)
    return [
      values.floats(taps * width * width, in: -border...border),
      values.floats(expansion > 0 ? width : 0),
    ]
  }
}

extension Tree {
  /// Values of all children as they are summarized, where they grow.
  func grownCount(width: Int) -> Int { lmn_tree_grown_rows(part) * width }

  /// An expansion with these inputs and an output.
  func expansion(_ inputs: ArraySlice<[Float]>, width: Int, in arrays: GuardedArguments)
    -> lmn_expansion
  {
    let inputs = Array(inputs)
    return lmn_expansion(
      weight: arrays.input(inputs[0]), bias: arrays.input(inputs[1]),
      grown: arrays.output(grownCount(width: width)))
  }

  /// An expansion's gradient: `inputs` are the transposed weight and the grown children.
  func expansionGradient(_ inputs: ArraySlice<[Float]>, width: Int, in arrays: GuardedArguments)
    -> lmn_expansion_grad
  {
    let inputs = Array(inputs)
    return lmn_expansion_grad(
      weight_transposed: arrays.input(inputs[0]), grown: arrays.input(inputs[1]),
      d_grown: arrays.output(grownCount(width: width)),
      d_weight: arrays.output(shape.taps * width * width),
      d_bias: arrays.output(shape.expansion > 0 ? width : 0))
  }
}

/// The longest chains of roundings in a summarizer's gradient.
struct DescentRoundings {
  let heights: [Int]
  let levels, width, perLevel, summaries, grownRows: Int

  /// Those of a tree, where a level adds `perLevel` to the cotangents below.
  init(_ tree: Tree, width: Int, perLevel: Int) {
    heights = tree.heights
    levels = tree.levels
    self.width = width
    // Beside the summary, the expansion's products, and the reference rounds what is between.
    self.perLevel = perLevel + tree.shape.expansionRoundings(width: width)
    summaries = tree.summaryRows.count
    grownRows = lmn_tree_grown_rows(tree.part)
  }

  /// Of the cotangent of a node.
  func ofNode(_ element: Int) -> Int { heights[element / width] * perLevel }

  /// Of what sums over all summaries, whose cotangents come from up to `levels` levels above.
  ///
  /// Sums are cut at levels and blocks.
  var ofParameter: Int { levels * (perLevel + 2) + summaries + 1 }

  /// Of the expansion's outputs: cotangents of what has grown, and the sums over all of that, which
  /// are cut at every slot of every child.
  func ofExpansion(_ output: Int) -> Int {
    output == 0 ? levels * perLevel : levels * (perLevel + 2) + 2 * grownRows + 1
  }
}
