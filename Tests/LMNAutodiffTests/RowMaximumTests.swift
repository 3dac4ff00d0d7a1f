import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RowMaximumTests {
  @Test(arguments: [[1, 1], [4, 1], [7, 5]])
  func gradients(_ shape: [Int]) {
    // Values so far apart that a step changes no maximum.
    let scalars = (0..<shape[0] * shape[1]).map { Float(($0 * 37) % 101) }
    var weights = [Float](repeating: 1, count: shape[0])
    weights[shape[0] - 1] = shape[0] > 1 ? 0 : 1
    let rows = Tensor(shape: [shape[0]], scalars: weights)
    expectGradients(
      of: { $0[0].rowMaximum(weights: rows) }, at: [Tensor(shape: shape, scalars: scalars)])
  }
}
