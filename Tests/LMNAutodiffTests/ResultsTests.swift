import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

/// Operations with several results.
@Suite struct ResultsTests {
  /// x · w and 2x.
  private static func productAndDouble(_ x: Variable, _ w: Variable) -> [Variable] {
    let (a, b) = (x.value, w.value)
    return Variable.results([a.matmul(b), a.adding(a)], of: [x, w]) { dy in
      [dy[0].matmul(b.transposed).adding(dy[1].adding(dy[1])), a.matmulPullback(ofRight: dy[0])]
    }
  }

  private let x = Variable(parameter: .random([3, 4], seed: 1))
  private let w = Variable(parameter: .random([4, 2], seed: 2))

  /// One result, both, and each of them at two depths.
  @Test func gradients() {
    let inputs = [x.value, w.value]
    expectGradients(of: { Self.productAndDouble($0[0], $0[1])[0] }, at: inputs)
    expectGradients(of: { Self.productAndDouble($0[0], $0[1])[1] }, at: inputs)
    expectGradients(
      of: { v in
        let results = Self.productAndDouble(v[0], v[1])
        let later = results[1].silu().matmul(v[1])
        return later + results[0] + results[1].matmul(v[1]) + results[0].silu()
      }, at: inputs)
  }

  /// The pullback runs once, with a cotangent of zero for the result that is not used.
  @Test func ofWhichOneIsNotUsedHaveAZeroCotangent() {
    let cotangent = Tensor.random([3, 4], seed: 3)
    let results = Variable.results([w.value, x.value], of: [x]) { dy in
      // Twice the second cotangent, unless the first one is not the zero of its shape.
      dy[0] == Tensor(shape: [4, 2], repeating: 0) ? [dy[1].adding(dy[1])] : [dy[1]]
    }
    #expect(
      results[1].gradients(cotangent: cotangent)[x] == cotangent.adding(cotangent))
    let both = LMNAutodiff.gradients(
      of: [(results[1], cotangent), (results[0], .random([4, 2], seed: 4))])
    #expect(both[x] == cotangent)
  }

  @Test func ofConstantsAreConstants() {
    let results = Variable.results(
      [x.value, w.value], of: [Variable(constant: x.value), Variable(constant: w.value)]
    ) { _ in
      Issue.record("the pullback of constants ran")
      return []
    }
    #expect(results.map(\.value) == [x.value, w.value])
    let cotangent = Tensor.random([3, 4], seed: 3)
    let gradients = (results[0] + x).gradients(cotangent: cotangent)
    #expect(gradients[results[0]] == nil)
    #expect(gradients[x] == cotangent)
  }

  /// Cotangents of inputs without gradient are dropped.
  @Test func haveNothingForConstantInputs() {
    let constant = Variable(constant: w.value)
    let cotangent = Tensor.random([3, 2], seed: 3)
    let gradients = Self.productAndDouble(x, constant)[0].gradients(cotangent: cotangent)
    #expect(gradients[constant] == nil)
    #expect(gradients[x] == cotangent.matmul(w.value.transposed))
  }

  /// A result is not a parameter, and two results of one operation are different variables.
  @Test func keepNothingOfTheResults() {
    let results = Self.productAndDouble(x, w)
    let gradients = results[0].silu().gradients(cotangent: .random([3, 2], seed: 3))
    #expect(gradients[results[0]] == nil && gradients[results[1]] == nil)
  }

  @Test func trapOnAWrongNumberOfCotangents() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2], repeating: 1))
      let results = Variable.results([x.value, x.value], of: [x]) { dy in dy }
      _ = results[0].gradients(cotangent: x.value)
    }
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2], repeating: 1))
      let results = Variable.results([x.value], of: [x, x]) { dy in dy }
      _ = results[0].gradients(cotangent: x.value)
    }
  }

  @Test func trapOnCotangentsOfOtherShapes() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2, 3], repeating: 1))
      let results = Variable.results([x.value, x.value], of: [x]) { dy in
        [dy[0].reshaped([3, 2])]
      }
      _ = results[0].gradients(cotangent: x.value)
    }
    await #expect(processExitsWith: .failure) {
      let x = Variable(parameter: Tensor(shape: [2, 3], repeating: 1))
      let results = Variable.results([x.value.reshaped([6]), x.value], of: [x]) { [$0[1]] }
      _ = results[0].gradients(cotangent: x.value)
    }
  }
}
