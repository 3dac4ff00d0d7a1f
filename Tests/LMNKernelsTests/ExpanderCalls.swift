import CLMN
import LMNKernels
import LMNTestSupport

extension TreeShape {
  /// Matrices of an expander: none where nothing grows.
  var taps: Int { growth > 0 ? 1 + growth : 0 }

  /// Of a list of slots that grows: the products of each tap, and the reference rounds.
  ///
  /// Nothing where nothing grows.
  func growthRoundings(width: Int) -> Int { growth > 0 ? taps * width + 1 : 0 }

  /// Weight and bias of an expander that keeps slots of order one.
  func expanderInputs(width: Int, using values: inout SeededValues) -> [[Float]] {
    let border = 1 / Float(width)
    return [
      values.floats(taps * width * width, in: -border...border),
      values.floats(growth > 0 ? width : 0),
    ]
  }
}

extension Tree {
  /// Values of all children as they are summarized, where they grow.
  func grownCount(width: Int) -> Int { lmn_tree_grown_rows(part) * width }

  /// An expander with these inputs and an output.
  func expander(_ inputs: ArraySlice<[Float]>, width: Int, in arrays: GuardedArguments)
    -> lmn_expander
  {
    let inputs = Array(inputs)
    return lmn_expander(
      weight: arrays.input(inputs[0]), bias: arrays.input(inputs[1]),
      grown: arrays.output(grownCount(width: width)))
  }

  /// An expander's gradient: `inputs` are the transposed weight and the grown children.
  func expanderGradient(_ inputs: ArraySlice<[Float]>, width: Int, in arrays: GuardedArguments)
    -> lmn_expander_grad
  {
    let inputs = Array(inputs)
    return lmn_expander_grad(
      weight_transposed: arrays.input(inputs[0]), grown: arrays.input(inputs[1]),
      d_grown: arrays.output(grownCount(width: width)),
      d_weight: arrays.output(shape.taps * width * width),
      d_bias: arrays.output(shape.growth > 0 ? width : 0))
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
    // Beside the summary, the expander's products, and the reference rounds what is between.
    self.perLevel = perLevel + tree.shape.growthRoundings(width: width)
    summaries = tree.summaryRows.count
    grownRows = lmn_tree_grown_rows(tree.part)
  }

  /// Of the cotangent of a node.
  func ofNode(_ element: Int) -> Int { heights[element / width] * perLevel }

  /// Of what sums over all summaries, whose cotangents come from up to `levels` levels above.
  ///
  /// Sums are cut at levels and blocks.
  var ofParameter: Int { levels * (perLevel + 2) + summaries + 1 }

  /// Of the expander's outputs: cotangents of what has grown, and the sums over all of that, which
  /// are cut at every slot of every child.
  func ofExpander(_ output: Int) -> Int {
    output == 0 ? levels * perLevel : levels * (perLevel + 2) + 2 * grownRows + 1
  }
}
