import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AffineSummaryTests {
  @Test(arguments: trees, [1, 4, 7])
  func gradients(of tree: Tree, width: Int) {
    expectGradientsOfSummaries(of: tree, width: width)
  }

  @Test(arguments: longTrees)
  func gradientsOverALongTree(of tree: Tree) {
    expectGradientsOfSummaries(of: tree, width: 3)
  }

  private func expectGradientsOfSummaries(
    of tree: Tree, width: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for sources in Set([1, tree.shape.banks]) {
      let wide = tree.shape.arity * width
      expectGradients(
        of: {
          $0[0].affineSummary(
            of: tree, carried: $0[1], weight: $0[2], bias: $0[3],
            expansion: expansion(of: tree.shape, $0[4...]))
        },
        at: [
          .random([tree.length, width], seed: 1),
          .random([tree.carriedRows.count, width], seed: 4),
          .random([tree.shape.banks * sources, wide, width], seed: 2)
            .scaled(by: 1 / Float(sources * wide).squareRoot()),
          .random([tree.shape.banks, width], seed: 3),
        ] + expansionInputs(of: tree.shape, width: width), sourceLocation: sourceLocation)
    }
  }

  /// Gradients flow through carried nodes to the tokens that they summarize.
  @Test(arguments: shapedTrees.filter { $0.start == 0 })
  func gradientsFlowThroughParts(of tree: Tree) {
    let (width, shape) = (4, tree.shape)
    let next = Tree(start: tree.length, length: 9, shape: shape)
    expectGradients(
      of: { v in
        let grows = expansion(of: shape, v[4...])
        let nodes = v[0].affineSummary(
          of: tree, carried: Variable(constant: Tensor(shape: [0, width], scalars: [])),
          weight: v[2], bias: v[3], expansion: grows)
        return v[1].affineSummary(
          of: next, carried: nodes.rows(at: tree.newestRows), weight: v[2], bias: v[3],
          expansion: grows)
      },
      at: [
        .random([tree.length, width], seed: 1), .random([next.length, width], seed: 2),
        .random([shape.banks, shape.arity * width, width], seed: 3)
          .scaled(by: 1 / Float(shape.arity * width).squareRoot()),
        .random([shape.banks, width], seed: 4),
      ] + expansionInputs(of: shape, width: width))
  }

  /// Carried nodes that are constants have no gradient, and do not change those of other inputs.
  @Test func gradientsOfOthersDoNotDependOnThoseOfCarriedNodes() {
    let tree = Tree(start: 3, length: 5, banks: 2)
    let (tokens, weight) = (Tensor.random([5, 3], seed: 1), Tensor.random([2, 6, 3], seed: 2))
    let (bias, carried) = (Tensor.random([2, 3], seed: 3), Tensor.random([3, 3], seed: 4))
    func gradients(of carried: Variable) -> [Tensor?] {
      let inputs = [tokens, weight, bias].map(Variable.init(parameter:))
      let nodes = inputs[0].affineSummary(
        of: tree, carried: carried, weight: inputs[1], bias: inputs[2])
      let gradients = nodes.gradients(cotangent: .random(nodes.value.shape, seed: 5))
      return inputs.map { gradients[$0] }
    }
    #expect(
      gradients(of: Variable(constant: carried)) == gradients(of: Variable(parameter: carried)))
  }

  @Test func trapsOnCarriedNodesThatAreMissing() async {
    await #expect(processExitsWith: .failure) {
      let zeros = { Variable(constant: Tensor(shape: $0, repeating: 0)) }
      _ = zeros([1, 2]).affineSummary(
        of: Tree(start: 1, length: 1, banks: 1), carried: zeros([0, 2]),
        weight: zeros([1, 4, 2]), bias: zeros([1, 2]))
    }
  }
}
