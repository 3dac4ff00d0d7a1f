import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SeparableConvTests {
  static let calls: [KernelCall] = {
    let widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 33]
    let parts = treeParts.enumerated().map { ($1, widths[$0 % widths.count]) }
    let wide = [64, 65, 129].map { (Tree(start: 3, length: 9, banks: 2), $0) }
    return (parts + wide).flatMap { part, width in
      [nodes(of: part, width: width), pullback(of: part, width: width)]
    }
  }()
  static let sharedCalls = [
    nodes(of: Tree(length: 150, banks: 3), width: 45),
    pullback(of: Tree(length: 150, banks: 3), width: 45),
  ]

  @Test(arguments: InstructionSet.tuned, calls)
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
      let (nodes, mixed) = tokens.separableConv(
        of: tree, carried: Tensor(shape: [0, 1], scalars: []),
        taps: Tensor(shape: [1, 3, 1], scalars: [1, 10, 100]),
        pointwise: Tensor(shape: [1, 1, 1], scalars: [2]),
        bias: Tensor(shape: [1, 1], scalars: [1]))
      #expect(nodes.scalars == [1, 2, 3, 4] + [243, 287] + [6427])
      #expect(mixed.scalars.suffix(3) == [121, 143, 3213])
    }
  }

  /// Parts that carry the newest nodes on give the bits of the whole.
  @Test(arguments: InstructionSet.available, streamPartitions)
  func partsEqualTheWhole(_ instructionSet: InstructionSet, _ lengths: [Int]) {
    let (banks, width) = (2, 5)
    var values = SeededValues(seed: 1)
    let taps = Tensor(shape: [banks, 3, width], scalars: values.floats(banks * 3 * width))
    let pointwise = Tensor(
      shape: [banks, width, width], scalars: values.floats(banks * width * width))
    let bias = Tensor(shape: [banks, width], scalars: values.floats(banks * width))
    expectPartsToEqualTheWhole(lengths, banks: banks, width: width, on: instructionSet) {
      $0.separableConv(of: $1, carried: $2, taps: taps, pointwise: pointwise, bias: bias).nodes
    }
  }
}

/// What stands in the rows of `mixed` that belong to no new node and must be left alone.
private let untouched: Float = 7

private func nodes(of tree: Tree, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (banks, border) = (tree.banks, 1 / Float(width))
  let depths = tree.depths
  let mixed = tree.unsummarized(
    [Float](repeating: untouched, count: tree.rowCount * width), width: width)
  return KernelCall(
    "convolution of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(banks * 3 * width),
      values.floats(banks * width * width, in: -border...border),
      values.floats(banks * width),
      tree.unsummarized(values.floats(tree.rowCount * width), width: width),
      mixed,
    ],
    // Every level: two fused products and the E of the pointwise part, and the reference rounds
    // `mixed` and the nodes.
    accuracy: .polynomial { _, element in depths[element / width] * (width + 4) }
  ) { context, arrays, inputs in
    var arguments = lmn_separable_conv(
      tree: tree.part, width: width, taps: arrays.input(inputs[0]),
      pointwise: arrays.input(inputs[1]), bias: arrays.input(inputs[2]),
      nodes: arrays.updated(inputs[3]), mixed: arrays.updated(inputs[4]))
    lmn_separable_conv_forward(context, &arguments)
  }
}

private func pullback(of tree: Tree, width: Int, seed: UInt64 = 1) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (banks, border) = (tree.banks, 1 / Float(width))
  let (heights, depths) = (tree.heights, tree.depths)
  let (levels, pairs) = (tree.levels, tree.summaryRows.count)
  let perLevel = width + banks + 1
  let d_mixed = tree.unsummarized(
    [Float](repeating: untouched, count: tree.rowCount * width), width: width)
  return KernelCall(
    "convolution's pullback of \(tree), width \(width), seed \(seed)",
    inputs: [
      values.floats(banks * 3 * width),
      values.floats(banks * width * width, in: -border...border),
      values.floats(tree.rowCount * width),
      values.floats(tree.rowCount * width),
      values.floats(tree.rowCount * width),
      d_mixed,
    ],
    // Every level: E products, one fused product per bank (of which the tokens have all), and the
    // reference rounds. The parameters sum over all pairs, whose cotangents come from up to
    // `levels` levels above; their sums are cut at levels and blocks.
    accuracy: .polynomial { output, element in
      switch output {
      case 0: heights[element / width] * perLevel
      case 1:
        depths[element / width] == 0
          ? 0 : heights[element / width] * perLevel + width + 1
      default: levels * (perLevel + 2) + width + pairs + 2
      }
    }
  ) { context, arrays, inputs in
    var arguments = lmn_separable_conv_grad(
      tree: tree.part, width: width, taps: arrays.input(inputs[0]),
      pointwise_transposed: arrays.input(inputs[1]), nodes: arrays.input(inputs[2]),
      mixed: arrays.input(inputs[3]), d_nodes: arrays.updated(inputs[4]),
      d_mixed: arrays.updated(inputs[5]), d_taps: arrays.output(banks * 3 * width),
      d_pointwise: arrays.output(banks * width * width), d_bias: arrays.output(banks * width))
    lmn_separable_conv_backward(context, &arguments)
  }
}
