import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct MatmulTests {
  /// Rows, inner size, columns.
  static let sizes = [
    [1, 1, 1], [1, 5, 1], [3, 1, 4], [2, 3, 5], [8, 16, 4], [17, 7, 33], [600, 5, 3],
  ]

  @Test(arguments: sizes)
  func gradients(_ size: [Int]) {
    expectGradients(
      of: { $0[0].matmul($0[1]) },
      at: [.random([size[0], size[1]], seed: 1), .random([size[1], size[2]], seed: 2)])
  }

  @Test(arguments: sizes)
  func gradientsOfLinear(_ size: [Int]) {
    expectGradients(
      of: { $0[0].linear(weight: $0[1], bias: $0[2]) },
      at: [
        .random([size[0], size[1]], seed: 1), .random([size[2], size[1]], seed: 2),
        .random([size[2]], seed: 3),
      ])
  }

  @Test(arguments: sizes)
  func gradientsOfLinearWithoutBias(_ size: [Int]) {
    expectGradients(
      of: { $0[0].linear(weight: $0[1], bias: nil) },
      at: [.random([size[0], size[1]], seed: 1), .random([size[2], size[1]], seed: 2)])
  }

  /// The weight caches its transpose; a gradient must not use that of an older value.
  @Test func gradientsFollowAWeightThatChanges() {
    let x = Tensor.random([2, 3], seed: 1)
    var weight = Tensor.random([4, 3], seed: 2)
    let bias = Tensor(shape: [4], repeating: 0)
    let other = Tensor.random([4, 3], seed: 3)
    func product(_ weight: Tensor) -> (Tensor, [Tensor]) {
      valueWithGradient(at: [x, weight, bias]) { $0[0].linear(weight: $0[1], bias: $0[2]) }
    }
    _ = product(weight)
    weight.withMutableScalars { $0.update(from: other.scalars, count: other.count) }
    let (changed, fresh) = (product(weight), product(other))
    #expect(changed.0 == fresh.0)
    #expect(changed.1 == fresh.1)
  }
}
