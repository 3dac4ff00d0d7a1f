import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RowsTests {
  @Test(arguments: [[], [2], [4, 0, 3], [0, 1, 2, 3, 4]])
  func gradientsOfSomeRows(at indices: [Int]) {
    expectGradients(
      of: { $0[0].rows(at: indices) }, at: [.random([5, 3], seed: 1)])
  }

  @Test(arguments: [0..<5, 0..<2, 1..<4, 4..<5, 3..<3])
  func gradientsOfConsecutiveRows(_ range: Range<Int>) {
    expectGradients(of: { $0[0].rows(range) }, at: [.random([5, 3], seed: 1)])
  }

  @Test(arguments: [[3, 4], [2, 3, 5]])
  func gradientsOfTransposedMatrices(_ shape: [Int]) {
    expectGradients(of: { $0[0].transposed }, at: [.random(shape, seed: 1)])
  }

  @Test func gradientsOfRowsThatAreReadAnew() {
    let positions: PositionBuffer = [1, 3]
    expectGradients(of: { $0[0].rows(at: positions) }, at: [.random([4, 6], seed: 1)])
  }

  @Test(arguments: [[3], [1, 4], [2, 0, 5, 1]])
  func gradientsOfRowsOneAfterTheOther(counts: [Int]) {
    expectGradients(
      of: { Variable.concatenatingRows($0) },
      at: counts.enumerated().map { .random([$1, 3], seed: UInt64($0)) })
  }

  /// A variable that occurs twice gets both contributions.
  @Test func gradientsAddUpWhereRowsComeTwice() {
    expectGradients(
      of: { .concatenatingRows([$0[0], $0[1], $0[0].rows(at: [1])]) },
      at: [.random([2, 3], seed: 1), .random([1, 3], seed: 2)])
  }

  @Test func rowsAreThoseThatWereNamed() {
    let x = Variable(constant: Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6]))
    #expect(x.rows(at: [2, 0]).value.scalars == [5, 6, 1, 2])
    #expect(
      Variable.concatenatingRows([x.rows(at: [1]), x]).value.scalars == [3, 4, 1, 2, 3, 4, 5, 6])
  }

  @Test func gradientsOfAnotherShapeOfTheSame() {
    expectGradients(of: { $0[0].reshaped([6, 2]).silu() }, at: [.random([3, 4], seed: 1)])
  }

  @Test func detachedHasNoGradient() {
    let x = Variable(parameter: .random([2, 2], seed: 1))
    let cotangent = Tensor.random([2, 2], seed: 2)
    #expect((x.detached + x).gradients(cotangent: cotangent)[x] == cotangent)
    #expect(x.detached.gradients(cotangent: cotangent)[x] == nil)
  }
}
