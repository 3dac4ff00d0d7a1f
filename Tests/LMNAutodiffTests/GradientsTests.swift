import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct GradientsTests {
  private let x = Variable(parameter: .random([3, 4], seed: 1))
  private let cotangent = Tensor.random([3, 4], seed: 2)

  @Test func addUpWhereAVariableIsUsedTwice() {
    let gradients = (x + x).gradients(cotangent: cotangent)
    #expect(gradients[x] == cotangent.scaled(by: 2))
  }

  /// Paths of different lengths meet: a cotangent is complete only after the longest.
  @Test func flowThroughDiamonds() {
    expectGradients(
      of: { v in
        let (short, long) = (v[0].silu(), v[0].silu().matmul(v[1]).silu())
        return (short + long).matmul(v[1]) + v[0] + long
      }, at: [.random([3, 4], seed: 1), .random([4, 4], seed: 2)])
  }

  /// 2¹⁰⁰ paths in a hundred nodes: each edge is used once.
  @Test func countEveryPathButWalkEveryEdgeOnce() {
    let doubled = (0..<100).reduce(x) { y, _ in y + y }
    #expect(doubled.gradients(cotangent: cotangent)[x] == cotangent.scaled(by: 0x1p100))
  }

  @Test func reachTheEndOfADeepChain() {
    let one = Variable(constant: Tensor(shape: [3, 4], repeating: 1))
    let deep = (0..<600).reduce(x) { y, _ in y + one }
    #expect(deep.gradients(cotangent: cotangent)[x] == cotangent)
  }

  @Test func haveNothingForConstants() {
    let constant = Variable(constant: cotangent)
    let gradients = (x + constant).gradients(cotangent: cotangent)
    #expect(gradients[constant] == nil)
    #expect(gradients[x] == cotangent)
    #expect((constant + constant).gradients(cotangent: cotangent)[x] == nil)
  }

  @Test func haveNothingForParametersThatWereNotUsed() {
    let other = Variable(parameter: cotangent)
    #expect(x.silu().gradients(cotangent: cotangent)[other] == nil)
    let (_, gradients) = valueWithGradient(at: [x.value, cotangent]) { $0[0].silu() }
    #expect(gradients[1] == Tensor(shape: [3, 4], repeating: 0))
  }

  @Test func keepNothingOfResultsOnTheWay() {
    let y = x.silu()
    #expect(y.silu().gradients(cotangent: cotangent)[y] == nil)
  }

  @Test func ofAParameterItselfAreTheCotangent() {
    #expect(x.gradients(cotangent: cotangent)[x] == cotangent)
  }

  /// Gradients are values: a second backward pass does not add to those of the first.
  @Test func areTheSameOnEveryWalk() {
    let y = x.silu() + x
    let first = y.gradients(cotangent: cotangent)
    let second = y.gradients(cotangent: cotangent)
    _ = y.gradients(cotangent: cotangent.scaled(by: 3))
    #expect(first[x] != nil)
    #expect(first[x] == second[x])
  }

  @Test func ofASumAreWhatValueWithGradientGives() {
    let (value, gradients) = valueWithGradient(at: [x.value]) { $0[0].silu() }
    let ones = Tensor(shape: [3, 4], repeating: 1)
    #expect(value == x.value.silu())
    #expect(gradients == [x.value.siluPullback(ones)])
  }

  @Test func trapOnACotangentOfAnotherShape() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [3, 4], repeating: 0))
      _ = x.gradients(cotangent: Tensor(shape: [4, 3], repeating: 0))
    }
  }

  @Test(arguments: InstructionSet.available, [2, 3])
  func doNotDependOnThreads(_ instructionSet: InstructionSet, threads: Int) {
    let tree = Tree(length: 96, banks: 2)
    let (width, vocabularySize) = (24, 33)
    var values = SeededValues(seed: 3)
    let targets = TokenBuffer(values.integers(tree.length, below: vocabularySize))
    let inputs = [
      [tree.length, width], [width], [2, 2 * width, width], [2, width], [2 * width, width],
      [2 * width], [width, width], [width], [width], [vocabularySize, width], [vocabularySize],
    ].map { Tensor.random($0, using: &values) }
    let carried = Tensor(shape: [0, width], repeating: 0)
    func gradients(threads: Int) -> [Tensor] {
      computing(on: instructionSet, threads: threads) {
        valueWithGradient(at: inputs) { v in
          let x = v[0].rmsNorm(gain: v[1], epsilon: 1e-5)
          let nodes = x.affineSummary(
            of: tree, carried: Variable(constant: carried), weight: v[2], bias: v[3])
          let attended = nodes.linear(weight: v[4], bias: v[5])
            .singleVectorAttention(keys: x.matmul(v[6]).silu(), of: tree, heads: 3)
          return (attended + x).layerNorm(gain: v[7], bias: v[8], epsilon: 1e-5)
            .linear(weight: v[9], bias: v[10]).crossEntropy(targets: targets).mean()
        }.gradients
      }
    }
    #expect(gradients(threads: threads) == gradients(threads: 1))
  }

  // MARK: - Several seeds

  /// Results of different depths, one of them twice, give the sum of their gradients in one pass.
  @Test func ofSeveralResultsAddUp() {
    let w = Variable(parameter: .random([4, 4], seed: 3))
    let (short, other) = (x.silu(), Tensor.random([3, 4], seed: 4))
    let long = short.matmul(w)
    let found = gradients(of: [(short, cotangent), (long, other), (short, other)])
    let parts = [(short, cotangent), (long, other), (short, other)].map { result, cotangent in
      result.gradients(cotangent: cotangent)
    }
    #expect(found[w] == parts[1][w])
    let sum = parts.dropFirst().reduce(parts[0][x]!) { $0.adding($1[x]!) }
    // Each addend is rounded once more or less, before and after it is pulled back.
    expectClose(
      found[x]?.scalars ?? [], sum.scalars,
      within: sum.doubles.map { _ in Rounding.error(8) * 4 }, "two results")
  }

  @Test func ofParametersAndConstantsAreSeedsThemselves() {
    let constant = Variable(constant: cotangent)
    let found = gradients(of: [(x, cotangent), (constant, cotangent)])
    #expect(found[x] == cotangent && found[constant] == nil)
    #expect(gradients(of: [])[x] == nil)
  }

  @Test func trapOnASeedOfAnotherShape() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2], repeating: 1))
      _ = gradients(of: [(x, Tensor(shape: [1], repeating: 1))])
    }
  }

  // MARK: - Cotangents of inputs

  /// A pullback that returns wrong shapes, or a wrong number of cotangents, is an error and traps.
  @Test func trapOnCotangentsThatDoNotFit() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2, 3], repeating: 1))
      let y = Variable(x.value, x.edge { dy in dy.reshaped([3, 2]) })
      _ = y.gradients(cotangent: x.value)
    }
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2], repeating: 1))
      let y = Variable(x.value, Edge.joint([x, x]) { dy in [dy] })
      _ = y.gradients(cotangent: x.value)
    }
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2], repeating: 1))
      let y = Variable(x.value, Edge.joint([x, x]) { dy in [dy, dy, dy] })
      _ = y.gradients(cotangent: x.value)
    }
  }
}
