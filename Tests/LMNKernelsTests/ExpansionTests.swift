import CLMN
import LMNKernels
import LMNTestSupport
import Testing

/// Expansions have no function of their own: they are part of every summarizer.
@Suite struct ExpansionTests {
  /// More families than a unit has, widths around the tiles, lists that grow by up to three slots.
  static let calls: [KernelCall] = {
    let shapes = [
      TreeShape(banks: 1, expansion: 1),
      TreeShape(banks: 2, arity: 3, expansion: 2, maximumLevels: 2),
      TreeShape(banks: 3, arity: 5, expansion: 1),
      TreeShape(banks: 2, expansion: 3, maximumLevels: 2),
    ]
    let widths = [1, 6, 16, 23, 24, 25, 33, 49]
    return combinations(16, of: shapes, [(0, 60), (7, 31), (130, 3)], widths).flatMap {
      shape, place, width in
      let tree = Tree(start: place.0, length: place.1, shape: shape)
      return [
        summaries(of: tree, width: width, sources: 1),
        summariesPullback(of: tree, width: width, sources: shape.banks),
        convolution(of: tree, width: width), convolutionPullback(of: tree, width: width),
      ]
    }
  }()
  static let sharedCalls: [KernelCall] = {
    let tree = Tree(start: 3, length: 150, shape: TreeShape(banks: 2, expansion: 1))
    let long = Tree(
      start: 1, length: 1100, shape: TreeShape(banks: 1, expansion: 2, maximumLevels: 5))
    return [
      summaries(of: tree, width: 33, sources: 1),
      summariesPullback(of: tree, width: 33, sources: 2),
      summaries(of: long, width: 3, sources: 1), summariesPullback(of: long, width: 3, sources: 1),
    ]
  }()

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// A list [a] becomes [a + 0.5, 10 a + 0.5], a list [a, b] becomes
  /// [a + 0.5, b + 10 a + 0.5, 10 b + 0.5]; a node is left + 100 right, slot by slot.
  @Test(arguments: InstructionSet.available)
  func growsByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let tree = Tree(length: 4, shape: TreeShape(banks: 1, expansion: 1))
      let nodes = Summary.affine(
        weight: Tensor(shape: [1, 2, 1], scalars: [1, 100]),
        bias: Tensor(shape: [1, 1], scalars: [0])
      ).nodesOfTokens(
        [1, 2, 3, 4], in: tree,
        expansion: Expansion(
          weight: Tensor(shape: [2, 1, 1], scalars: [1, 10]),
          bias: Tensor(shape: [1], scalars: [0.5])))
      let left: [Float] = [1.5 + 250, 10.5 + 2050]
      let right: [Float] = [3.5 + 450, 30.5 + 4050]
      func grown(_ list: [Float]) -> [Float] {
        [list[0] + 0.5, list[1] + 10 * list[0] + 0.5, 10 * list[1] + 0.5]
      }
      let top = zip(grown(left), grown(right)).map { $0 + 100 * $1 }
      #expect(nodes.scalars == [1, 2, 3, 4] + left + right + top)
    }
  }

  /// `grown` by its definition, in double precision and in the order that is written down: the
  /// tokens' families, then for each bank those of its levels from 2 up; in a family slot by slot.
  @Test(arguments: InstructionSet.available, treeShapes.filter { $0.expansion > 0 })
  func growsByTheDefinition(_ instructionSet: InstructionSet, _ shape: TreeShape) {
    let (width, tree) = (3, Tree(start: 4, length: 35, shape: shape))
    let summary = RandomSummary(.affine, of: shape, width: width)
    let (weight, bias) = (summary.expansion!.weight.doubles, summary.expansion!.bias.doubles)
    let (nodes, grown, _) = computing(on: instructionSet) {
      summary.summary.nodes(
        of: tree, tokens: .random([tree.length, width], seed: 3),
        carried: .random([tree.carriedRows.count, width], seed: 4), expansion: summary.expansion)
    }
    let values = nodes.doubles
    var (expected, magnitudes): ([Double], [Double]) = ([], [])
    func appendFamilies(ofLevel level: Int, bank: Int) {
      let (below, made) = (
        tree.level(level - 1, bank: level == 1 ? 0 : bank), tree.level(level, bank: bank)
      )
      for node in made.first + made.carried..<made.first + made.rows.count / made.slots {
        for slot in 0..<made.slots {
          for child in shape.arity * node..<shape.arity * (node + 1) {
            for feature in 0..<width {
              var terms = [bias[feature]]
              for tap in 0...shape.expansion where (0..<below.slots).contains(slot - tap) {
                let row =
                  below.rows.lowerBound + (child - below.first) * below.slots + slot - tap
                terms += (0..<width).map {
                  values[row * width + $0] * weight[(tap * width + $0) * width + feature]
                }
              }
              expected.append(terms.reduce(0, +))
              magnitudes.append(terms.map(abs).reduce(0, +))
            }
          }
        }
      }
    }
    appendFamilies(ofLevel: 1, bank: 0)
    for bank in 0..<shape.banks {
      for level in 2..<max(2, tree.levels + 1) { appendFamilies(ofLevel: level, bank: bank) }
    }
    let roundings = shape.expansionRoundings(width: width) + 1
    expectClose(
      grown.scalars, expected.map(Float.init),
      within: magnitudes.map { Rounding.error(roundings) * $0 }, "grown of \(tree)")
  }

  @Test func trapsWhereExpansionAndShapeDoNotAgree() async {
    await #expect(processExitsWith: .failure) {
      _ = Summary.affine(
        weight: Tensor(shape: [1, 2, 1], repeating: 0), bias: Tensor(shape: [1, 1], repeating: 0)
      ).nodesOfTokens([1], in: Tree(length: 1, shape: TreeShape(banks: 1, expansion: 1)))
    }
    await #expect(processExitsWith: .failure) {
      _ = Summary.affine(
        weight: Tensor(shape: [1, 2, 1], repeating: 0), bias: Tensor(shape: [1, 1], repeating: 0)
      ).nodesOfTokens(
        [1], in: Tree(length: 1, banks: 1),
        expansion: Expansion(
          weight: Tensor(shape: [2, 1, 1], repeating: 0), bias: Tensor(shape: [1], repeating: 0)))
    }
  }
}
