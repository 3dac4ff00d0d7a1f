import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SeparableConvTests {
  @Test(arguments: trees, [1, 4, 7])
  func gradients(of tree: Tree, width: Int) {
    expectGradientsOfConvolutions(of: tree, width: width)
  }

  @Test(arguments: longTrees)
  func gradientsOverALongTree(of tree: Tree) {
    expectGradientsOfConvolutions(of: tree, width: 3)
  }

  private func expectGradientsOfConvolutions(
    of tree: Tree, width: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (banks, arity) = (tree.shape.banks, tree.shape.arity)
    expectGradients(
      of: {
        $0[0].separableConv(
          of: tree, carried: $0[1], taps: $0[2], pointwise: $0[3], bias: $0[4],
          expansion: expansion(of: tree.shape, $0[5...]))
      },
      at: [
        .random([tree.length, width], seed: 1),
        .random([tree.carriedRows.count, width], seed: 5),
        .random([banks, arity + 1, width], seed: 2).scaled(by: 1 / Float(arity).squareRoot()),
        .random([banks, width, width], seed: 3).scaled(by: 1 / Float(width).squareRoot()),
        .random([banks, width], seed: 4),
      ] + expansionInputs(of: tree.shape, width: width), sourceLocation: sourceLocation)
  }
}
