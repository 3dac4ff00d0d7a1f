import CLMN
import LMNKernels
import LMNTestSupport

extension TreeShape {
  /// Number of matrices of an expansion; 0 without one.
  var taps: Int { expansion > 0 ? 1 + expansion : 0 }

  /// Roundings of an expansion: the products of each tap, and the reference's; 0 without one.
  func expansionRoundings(width: Int) -> Int { expansion > 0 ? taps * width + 1 : 0 }

  /// Weight and bias that keep slots of order one.
  func expansionInputs(width: Int, using values: inout SeededValues) -> [[Float]] {
    let border = 1 / Float(width)
    return [
      values.floats(taps * width * width, in: -border...border),
      values.floats(expansion > 0 ? width : 0),
    ]
  }
}

extension Tree {
  /// Number of values of the expanded children.
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
    // With expansion also its products, and the reference's rounding of the expanded children.
    self.perLevel = perLevel + tree.shape.expansionRoundings(width: width)
    summaries = tree.summaryRows.count
    grownRows = lmn_tree_grown_rows(tree.part)
  }

  /// Roundings of the cotangent of a node.
  func ofNode(_ element: Int) -> Int { heights[element / width] * perLevel }

  /// Roundings of sums over all summaries, whose cotangents come from up to `levels` levels above.
  ///
  /// Sums are cut at levels and blocks.
  var ofParameter: Int { levels * (perLevel + 2) + summaries + 1 }

  /// Roundings of the expansion's outputs: cotangents of expanded children, and sums over all of
  /// them, which are cut at every slot of every child.
  func ofExpansion(_ output: Int) -> Int {
    output == 0 ? levels * perLevel : levels * (perLevel + 2) + 2 * grownRows + 1
  }
}
