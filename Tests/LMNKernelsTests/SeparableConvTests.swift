import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SeparableConvTests {
  static let calls: [KernelCall] = {
    let widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 33]
    let wide = [64, 65, 129].map { (Tree(start: 3, length: 9, banks: 2), $0) }
    return (combinations(300, of: treeParts, widths) + wide).flatMap(calls)
  }()
  static let sharedCalls = longCalls + calls(of: Tree(length: 150, banks: 3), width: 45)
  static let longCalls = combinations(8, of: longTreeParts, [3, 5, 8, 17]).flatMap(calls)

  private static func calls(of tree: Tree, width: Int) -> [KernelCall] {
    [convolution(of: tree, width: width), convolutionPullback(of: tree, width: width)]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// Mixed is left + 10 right + 100, a node 2 mixed + 1.
  @Test(arguments: InstructionSet.available)
  func convolvesByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 4, banks: 1)
      let tokens = Tensor(shape: [4, 1], scalars: [1, 2, 3, 4])
      let (nodes, _, mixed) = Summary.separable(
        taps: Tensor(shape: [1, 3, 1], scalars: [1, 10, 100]),
        pointwise: Tensor(shape: [1, 1, 1], scalars: [2]),
        bias: Tensor(shape: [1, 1], scalars: [1])
      ).nodes(of: tree, tokens: tokens, carried: Tensor(shape: [0, 1], scalars: []))
      #expect(nodes.scalars == [1, 2, 3, 4] + [243, 287] + [6427])
      #expect(mixed.scalars.suffix(3) == [121, 143, 3213])
    }
  }

  /// Mixed is first + 10 second + 100 third + 1000, a node 2 mixed + 1.
  @Test(arguments: InstructionSet.available)
  func convolvesThreeChildrenByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 7, shape: TreeShape(banks: 1, arity: 3))
      let nodes = Summary.separable(
        taps: Tensor(shape: [1, 4, 1], scalars: [1, 10, 100, 1000]),
        pointwise: Tensor(shape: [1, 1, 1], scalars: [2]),
        bias: Tensor(shape: [1, 1], scalars: [1])
      ).nodesOfTokens([1, 2, 3, 4, 5, 6, 7], in: tree)
      #expect(nodes.scalars.suffix(2) == [2643, 3309])
    }
  }

  /// Parts with carried nodes give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    for shape in treeShapes {
      let summary = RandomSummary(.separable, of: shape, width: 5)
      expectPartsToEqualTheWhole(lengths, shape: shape, width: 5, on: instructionSet) {
        summary.nodes(of: $1, tokens: $0, carried: $2)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func partsOfALongStreamEqualTheWhole(_ instructionSet: InstructionSet) {
    for tree in longTreeParts {
      let summary = RandomSummary(.separable, of: tree.shape, width: 3)
      expectPartsToEqualTheWhole(longPartition, shape: tree.shape, width: 3, on: instructionSet) {
        summary.nodes(of: $1, tokens: $0, carried: $2)
      }
    }
  }

  /// Families that are computed level by level have the bits that they have in the tree.
  @Test(arguments: InstructionSet.available, treeShapes)
  func familiesEqualTheTree(_ instructionSet: InstructionSet, _ shape: TreeShape) {
    let tree = Tree(start: 5, length: 40, shape: shape)
    let whole = convolution(of: tree, width: 6)
    let families = convolution(of: tree, width: 6) { context, arguments in
      for level in 1...tree.levels {
        lmn_separable_conv_families_forward(
          context, arguments, lmn_tree_families_at(tree.part, level))
      }
    }
    #expect(
      families.results(in: instructionSet.context()) == whole.results(in: instructionSet.context()))
  }
}

/// Value in the rows of `mixed` that belong to no new node, which must not be written.
private let untouched: Float = 7

func convolution(
  of tree: Tree, width: Int, seed: UInt64 = 1,
  by function:
    @escaping @Sendable (lmn_context, UnsafePointer<lmn_separable_conv>) -> Void =
    lmn_separable_conv_forward
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (shape, border) = (tree.shape, 1 / Float(width))
  let (banks, arity) = (shape.banks, shape.arity)
  let (depths, levels) = (tree.depths, tree.levels)
  let mixed = tree.unsummarized(
    [Float](repeating: untouched, count: tree.rowCount * width), width: width)
  // Every level: a fused product per child and the E of the pointwise part, and the reference
  // rounds `mixed` and the nodes.
  let perLevel = arity + width + 2 + shape.expansionRoundings(width: width)
  return KernelCall(
    "convolution of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(banks * (arity + 1) * width),
      values.floats(banks * width * width, in: -border...border),
      values.floats(banks * width),
      tree.unsummarized(values.floats(tree.rowCount * width), width: width),
      mixed,
    ] + shape.expansionInputs(width: width, using: &values),
    accuracy: .polynomial { output, element in
      (output < 2 ? depths[element / width] : levels) * perLevel
    }
  ) { context, arrays, inputs in
    var arguments = lmn_separable_conv(
      tree: tree.part, width: width, taps: arrays.input(inputs[0]),
      pointwise: arrays.input(inputs[1]), bias: arrays.input(inputs[2]),
      nodes: arrays.updated(inputs[3]), mixed: arrays.updated(inputs[4]),
      expansion: tree.expansion(inputs[5...], width: width, in: arrays))
    function(context, &arguments)
  }
}

func convolutionPullback(of tree: Tree, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (shape, border) = (tree.shape, 1 / Float(width))
  let (banks, arity, depths) = (shape.banks, shape.arity, tree.depths)
  let d_mixed = tree.unsummarized(
    [Float](repeating: untouched, count: tree.rowCount * width), width: width)
  // Every level: E products, one fused product per bank (tokens have all banks), and the reference
  // rounds.
  let roundings = DescentRoundings(tree, width: width, perLevel: width + banks + 1)
  return KernelCall(
    "convolution's pullback of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(banks * (arity + 1) * width),
      values.floats(banks * width * width, in: -border...border),
      values.floats(tree.rowCount * width),
      values.floats(tree.rowCount * width),
      values.floats(tree.rowCount * width),
      d_mixed,
      shape.expansionInputs(width: width, using: &values)[0],
      values.floats(tree.grownCount(width: width)),
    ],
    accuracy: .polynomial { output, element in
      switch output {
      case 0: roundings.ofNode(element)
      case 1: depths[element / width] == 0 ? 0 : roundings.ofNode(element) + width + 1
      case 2...4: roundings.ofParameter + width + 1
      default: roundings.ofExpansion(output - 5)
      }
    }
  ) { context, arrays, inputs in
    var arguments = lmn_separable_conv_grad(
      tree: tree.part, width: width, taps: arrays.input(inputs[0]),
      pointwise_transposed: arrays.input(inputs[1]), nodes: arrays.input(inputs[2]),
      mixed: arrays.input(inputs[3]), d_nodes: arrays.updated(inputs[4]),
      d_mixed: arrays.updated(inputs[5]), d_taps: arrays.output(banks * (arity + 1) * width),
      d_pointwise: arrays.output(banks * width * width), d_bias: arrays.output(banks * width),
      expansion: tree.expansionGradient(inputs[6...], width: width, in: arrays))
    lmn_separable_conv_backward(context, &arguments)
  }
}
