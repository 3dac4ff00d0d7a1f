import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AffineSummaryTests {
  static let calls: [KernelCall] = {
    let widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 33]
    let wide = [64, 65].map { (Tree(start: 3, length: 9, banks: 2), $0, false) }
    // A product with this number of terms and columns has up to 456 rows at once.
    let tall = [(Tree(length: 1000, banks: 1), 96, false)]
    return (combinations(410, of: treeParts, widths, [true, false]) + wide + tall)
      .flatMap { calls(of: $0, width: $1, mixesBanks: $2) }
  }()
  static let sharedCalls =
    longCalls
    + [true, false].flatMap { calls(of: Tree(length: 150, banks: 2), width: 33, mixesBanks: $0) }
  static let longCalls = combinations(8, of: longTreeParts, [3, 5, 8, 17], [true, false])
    .flatMap { calls(of: $0, width: $1, mixesBanks: $2) }

  private static func calls(of tree: Tree, width: Int, mixesBanks: Bool) -> [KernelCall] {
    let sources = mixesBanks ? tree.shape.banks : 1
    return [
      summaries(of: tree, width: width, sources: sources),
      summariesPullback(of: tree, width: width, sources: sources),
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

  /// A node of the first bank is left + 100 right, one of the second 10 left + right + 0.5.
  @Test(arguments: InstructionSet.available)
  func summarizesByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 5, banks: 2)
      let nodes = Summary.affine(
        weight: Tensor(shape: [2, 2, 1], scalars: [1, 100, 10, 1]),
        bias: Tensor(shape: [2, 1], scalars: [0, 0.5])
      ).nodesOfTokens([1, 2, 3, 4, 5], in: tree)
      #expect(
        nodes.scalars == [1, 2, 3, 4, 5] + [201, 403, 40501] + [12.5, 34.5, 160])
    }
  }

  /// Three children; on level 1 the last node has no parent yet.
  @Test(arguments: InstructionSet.available)
  func summarizesThreeChildrenByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 10, shape: TreeShape(banks: 1, arity: 3))
      let nodes = Summary.affine(
        weight: Tensor(shape: [1, 3, 1], scalars: [1, 10, 100]),
        bias: Tensor(shape: [1, 1], scalars: [1000])
      ).nodesOfTokens([1, 2, 3, 4, 5, 6, 7, 8, 9, 1], in: tree)
      #expect(nodes.scalars.suffix(4) == [1321, 1654, 1987, 217_561])
    }
  }

  /// Every bank is made from both: the first is left of the first + 10 right of the second, the
  /// second is right of the first − left of the second.
  @Test(arguments: InstructionSet.available)
  func mixesBanksByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 4, banks: 2)
      let nodes = Summary.affine(
        weight: Tensor(shape: [4, 2, 1], scalars: [1, 0, 0, 10, 0, 1, -1, 0]),
        bias: Tensor(shape: [2, 1], scalars: [0, 0])
      ).nodesOfTokens([1, 2, 3, 4], in: tree)
      // Tokens are shared: 1 + 20 and 3 + 40; 2 − 1 and 4 − 3. Then 21 + 10 and 43 − 1.
      #expect(nodes.scalars == [1, 2, 3, 4] + [21, 43, 31] + [1, 1, 42])
    }
  }

  /// Parts with carried nodes give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    for shape in treeShapes {
      for kind in [RandomSummary.Kind.affine, .affineOfAllBanks] {
        let summary = RandomSummary(kind, of: shape, width: 5)
        expectPartsToEqualTheWhole(lengths, shape: shape, width: 5, on: instructionSet) {
          summary.nodes(of: $1, tokens: $0, carried: $2)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func partsOfALongStreamEqualTheWhole(_ instructionSet: InstructionSet) {
    for tree in longTreeParts {
      for kind in [RandomSummary.Kind.affine, .affineOfAllBanks] {
        let summary = RandomSummary(kind, of: tree.shape, width: 3)
        expectPartsToEqualTheWhole(longPartition, shape: tree.shape, width: 3, on: instructionSet) {
          summary.nodes(of: $1, tokens: $0, carried: $2)
        }
      }
    }
  }

  /// Families that are computed level by level have the bits that they have in the tree.
  @Test(arguments: InstructionSet.available, treeShapes)
  func familiesEqualTheTree(_ instructionSet: InstructionSet, _ shape: TreeShape) {
    let tree = Tree(start: 5, length: 40, shape: shape)
    for sources in [1, shape.banks] {
      let whole = summaries(of: tree, width: 6, sources: sources)
      let families = summaries(of: tree, width: 6, sources: sources) { context, arguments in
        for level in 1...tree.levels {
          lmn_affine_summary_families_forward(
            context, arguments, lmn_tree_families_at(tree.part, level))
        }
      }
      #expect(
        families.results(in: instructionSet.context())
          == whole.results(in: instructionSet.context()))
    }
  }

  @Test func trapsOnWrongShapes() async {
    await #expect(processExitsWith: .failure) {
      _ = Summary.affine(
        weight: Tensor(shape: [1, 2, 2], repeating: 0), bias: Tensor(shape: [1, 2], repeating: 0)
      ).nodes(
        of: Tree(length: 3, banks: 1), tokens: Tensor(shape: [3, 2], repeating: 0),
        carried: Tensor(shape: [0, 2], scalars: []))
    }
  }
}

extension Summary {
  /// The nodes of a whole tree of tokens with one feature.
  func nodesOfTokens(_ tokens: [Float], in tree: Tree, expansion: Expansion? = nil) -> Tensor {
    nodes(
      of: tree, tokens: Tensor(shape: [tokens.count, 1], scalars: tokens),
      carried: Tensor(shape: [0, 1], scalars: []), expansion: expansion
    ).nodes
  }
}

func summaries(
  of tree: Tree, width: Int, sources: Int, seed: UInt64 = 1,
  by function:
    @escaping @Sendable (lmn_context, UnsafePointer<lmn_affine_summary>) -> Void =
    lmn_affine_summary_forward
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (shape, border) = (tree.shape, 1 / Float(width))
  let (banks, arity) = (shape.banks, shape.arity)
  let (depths, levels) = (tree.depths, tree.levels)
  // Every level adds its products to its bias, and the reference rounds its nodes.
  let perLevel = sources * arity * width + 1 + shape.expansionRoundings(width: width)
  return KernelCall(
    "summaries of \(tree), width \(width), \(sources) sources, seed \(seed)",
    inputs: [
      values.floats(banks * sources * arity * width * width, in: -border...border),
      values.floats(banks * width),
      tree.unsummarized(values.floats(tree.rowCount * width), width: width),
    ] + shape.expansionInputs(width: width, using: &values),
    accuracy: .polynomial { output, element in
      (output == 0 ? depths[element / width] : levels) * perLevel
    }
  ) { context, arrays, inputs in
    var arguments = lmn_affine_summary(
      tree: tree.part, width: width, sources: sources, weight: arrays.input(inputs[0]),
      bias: arrays.input(inputs[1]), nodes: arrays.updated(inputs[2]),
      expansion: tree.expansion(inputs[3...], width: width, in: arrays))
    function(context, &arguments)
  }
}

func summariesPullback(
  of tree: Tree, width: Int, sources: Int, seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (shape, border) = (tree.shape, 1 / Float(width))
  let weights = shape.banks * sources * shape.arity * width * width
  // Every level adds E products per bank and source (tokens have all banks) to the cotangents
  // below, and the reference rounds them.
  let roundings = DescentRoundings(
    tree, width: width, perLevel: shape.banks * sources * width + 1)
  return KernelCall(
    "summaries' pullback of \(tree), width \(width), \(sources) sources, seed \(seed)",
    inputs: [
      values.floats(tree.rowCount * width),
      values.floats(weights, in: -border...border),
      values.floats(tree.rowCount * width),
      shape.expansionInputs(width: width, using: &values)[0],
      values.floats(tree.grownCount(width: width)),
    ],
    accuracy: .polynomial { output, element in
      switch output {
      case 0: roundings.ofNode(element)
      case 1...2: roundings.ofParameter
      default: roundings.ofExpansion(output - 3)
      }
    }
  ) { context, arrays, inputs in
    var arguments = lmn_affine_summary_grad(
      tree: tree.part, width: width, sources: sources, nodes: arrays.input(inputs[0]),
      weight_transposed: arrays.input(inputs[1]), d_nodes: arrays.updated(inputs[2]),
      d_weight: arrays.output(weights), d_bias: arrays.output(shape.banks * width),
      expansion: tree.expansionGradient(inputs[3...], width: width, in: arrays))
    lmn_affine_summary_backward(context, &arguments)
  }
}
