import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct MeanTests {
  @Test(arguments: [[1], [7], [3, 4], [2, 3, 5], [1100]])
  func gradients(_ shape: [Int]) {
    expectGradients(of: { $0[0].mean() }, at: [.random(shape, seed: 1)])
  }

  @Test func isTheMean() {
    let mean = Variable(constant: Tensor(shape: [2, 2], scalars: [1, 2, 3, 6])).mean()
    #expect(mean.value == Tensor(shape: [1], scalars: [3]))
  }

  /// Sums in double: in float, the ones would be lost beside 2²⁴.
  @Test func keepsSmallValuesBesideLargeOnes() {
    let scalars = [Float(1 << 24)] + [Float](repeating: 1, count: 1023)
    let mean = Variable(constant: Tensor(shape: [1024], scalars: scalars)).mean()
    #expect(mean.value.scalar == Float(Double(1 << 24 + 1023) / 1024))
  }
}
