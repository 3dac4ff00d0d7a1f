import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct PairwiseSummaryTests {
  static let calls: [KernelCall] = {
    let widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 33]
    let parts = treeParts.enumerated().map { ($1, widths[$0 % widths.count]) }
    let wide = [64, 65].map { (Tree(start: 3, length: 9, banks: 2), $0) }
    return (parts + wide).flatMap { part, width in
      [summaries(of: part, width: width), pullback(of: part, width: width)]
    }
  }()
  static let sharedCalls = [
    summaries(of: Tree(length: 150, banks: 2), width: 33),
    pullback(of: Tree(length: 150, banks: 2), width: 33),
  ]

  @Test(arguments: InstructionSet.tuned, calls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// A node of the first bank is left + 100 right, one of the second 10 left + right + 0.5.
  @Test(arguments: InstructionSet.available)
  func summarizesByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 5, banks: 2)
      let tokens = Tensor(shape: [5, 1], scalars: [1, 2, 3, 4, 5])
      let nodes = tokens.pairwiseSummary(
        of: tree, carried: Tensor(shape: [0, 1], scalars: []),
        weight: Tensor(shape: [2, 2, 1], scalars: [1, 100, 10, 1]),
        bias: Tensor(shape: [2, 1], scalars: [0, 0.5]))
      #expect(
        nodes.scalars == [1, 2, 3, 4, 5] + [201, 403, 40501] + [12.5, 34.5, 160])
    }
  }

  /// Parts that carry the newest nodes on give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    let (banks, width) = (2, 5)
    var values = SeededValues(seed: 1)
    let weight = Tensor(
      shape: [banks, 2 * width, width], scalars: values.floats(banks * 2 * width * width))
    let bias = Tensor(shape: [banks, width], scalars: values.floats(banks * width))
    expectPartsToEqualTheWhole(lengths, banks: banks, width: width, on: instructionSet) {
      $0.pairwiseSummary(of: $1, carried: $2, weight: weight, bias: bias)
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [3, 2], repeating: 0).pairwiseSummary(
        of: Tree(length: 3, banks: 1), carried: Tensor(shape: [0, 2], scalars: []),
        weight: Tensor(shape: [1, 2, 2], repeating: 0), bias: Tensor(shape: [1, 2], repeating: 0))
    }
  }
}

private func summaries(of tree: Tree, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (banks, border) = (tree.banks, 1 / Float(width))
  let depths = tree.depths
  return KernelCall(
    "summaries of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(banks * 2 * width * width, in: -border...border),
      values.floats(banks * width),
      tree.unsummarized(values.floats(tree.rowCount * width), width: width),
    ],
    // Every level adds its 2E products to its bias, and the reference rounds its nodes.
    accuracy: .polynomial { _, element in depths[element / width] * (2 * width + 1) }
  ) { context, arrays, inputs in
    var arguments = lmn_pairwise_summary(
      tree: tree.part, width: width, weight: arrays.input(inputs[0]),
      bias: arrays.input(inputs[1]), nodes: arrays.updated(inputs[2]))
    lmn_pairwise_summary_forward(context, &arguments)
  }
}

private func pullback(of tree: Tree, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (banks, border) = (tree.banks, 1 / Float(width))
  let (heights, levels, pairs) = (tree.heights, tree.levels, tree.summaryRows.count)
  let perLevel = banks * width + 1
  return KernelCall(
    "summaries' pullback of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(tree.rowCount * width),
      values.floats(banks * 2 * width * width, in: -border...border),
      values.floats(tree.rowCount * width),
    ],
    // Every level adds E products per bank (of which the tokens have all) to the cotangents below,
    // and the reference rounds them. Weight and bias sum over all pairs, whose cotangents come from
    // up to `levels` levels above; their sums are cut at levels and blocks.
    accuracy: .polynomial { output, element in
      output == 0 ? heights[element / width] * perLevel : levels * (perLevel + 2) + pairs + 1
    }
  ) { context, arrays, inputs in
    var arguments = lmn_pairwise_summary_grad(
      tree: tree.part, width: width, nodes: arrays.input(inputs[0]),
      weight_transposed: arrays.input(inputs[1]), d_nodes: arrays.updated(inputs[2]),
      d_weight: arrays.output(banks * 2 * width * width), d_bias: arrays.output(banks * width))
    lmn_pairwise_summary_backward(context, &arguments)
  }
}
