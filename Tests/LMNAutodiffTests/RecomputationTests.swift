import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RecomputationTests {
  /// Two results, one of which is not used.
  private func product(_ x: Variable, _ weight: Variable) -> [Variable] {
    let y = x.silu().linear(weight: weight)
    return [y.silu(), y + y]
  }

  @Test func gradientsAreThoseOfTheFunction() {
    let inputs = [
      Tensor.random([5, 4], seed: 1), .random([3, 4], seed: 2), .random([5, 3], seed: 3),
    ]
    func gradients(recomputing: Bool) -> [[Float]] {
      let v = inputs.map(Variable.init(parameter:))
      let results =
        recomputing
        ? Variable.recomputing([v[0], v[1]]) { (product($0[0], $0[1]), ()) }.results
        : product(v[0], v[1])
      let gradients = (results[0] + v[2]).gradients(cotangent: .random([5, 3], seed: 4))
      return v.map { gradients[$0]!.scalars }
    }
    #expect(gradients(recomputing: true) == gradients(recomputing: false))
  }

  /// Constants have no gradient, and a function of constants alone is not computed again.
  @Test func constantsStayConstants() {
    let (x, weight) = (Tensor.random([5, 4], seed: 1), Tensor.random([3, 4], seed: 2))
    let parameter = Variable(parameter: weight)
    let (results, rest) = Variable.recomputing([Variable(constant: x), parameter]) {
      (product($0[0], $0[1]), 7)
    }
    #expect(rest == 7)
    let gradients = results[1].gradients(cotangent: .random([5, 3], seed: 4))
    #expect(gradients[parameter] != nil)
    let constants = Variable.recomputing([Variable(constant: x), Variable(constant: weight)]) {
      (product($0[0], $0[1]), 0)
    }
    #expect(constants.results.map(\.value) == results.map(\.value))
    #expect(constants.results[0].gradients(cotangent: .random([5, 3], seed: 4))[parameter] == nil)
  }
}
