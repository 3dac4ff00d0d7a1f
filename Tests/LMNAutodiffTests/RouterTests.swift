import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct RouterTests {
  /// Logits whose order does not change within a step: distinct multiples of 1/4 per row.
  static func logits(_ rows: Int, _ memories: Int) -> Tensor {
    var values = SeededValues(seed: UInt64(rows * memories))
    let scalars = (0..<rows).flatMap { _ in
      (0..<memories).shuffled(using: &values).map { Float($0) / 4 - 1 }
    }
    return Tensor(shape: [rows, memories], scalars: scalars)
  }

  /// Rows, memories and choices of a row.
  @Test(arguments: [[1, 1, 1], [3, 2, 1], [5, 4, 2], [7, 17, 3], [2, 5, 5], [300, 4, 2]])
  func gradientsOfWeightsAndBalance(_ size: [Int]) {
    let logits = Self.logits(size[0], size[1])
    func routing(_ logits: Variable) -> Routing { Routing(logits: logits, routed: size[2]) }
    expectGradients(of: { routing($0[0]).weights }, at: [logits], step: 1 / 1024)
    expectGradients(of: { routing($0[0]).balance().loss }, at: [logits], step: 1 / 1024)
  }

  /// The balance of blocks is the mean of those of the blocks by themselves.
  @Test func balanceOfBlocks() {
    let logits = Self.logits(12, 4)
    func routing(_ logits: Variable) -> Routing { Routing(logits: logits, routed: 2) }
    expectGradients(of: { routing($0[0]).balance(ofBlocks: 3).loss }, at: [logits], step: 1 / 1024)
    let balance = routing(Variable(constant: logits)).balance(ofBlocks: 3)
    let blocks = (0..<3).map { block in
      routing(Variable(constant: logits.rows(4 * block..<4 * block + 4))).balance()
    }
    #expect(balance.shares == .concatenatingRows(blocks.map(\.shares)))
    let mean = blocks.reduce(0) { $0 + $1.loss.value.scalar } / 3
    #expect(abs(balance.loss.value.scalar - mean) < 1e-6 * mean)
  }

  /// Weights and balance of one routing add their gradients.
  @Test func gradientsOfBoth() {
    expectGradients(
      of: { v in
        let routing = Routing(logits: v[0], routed: 2)
        return routing.weights.linear(weight: v[1]) + routing.balance().loss.reshaped([1, 1])
      },
      at: [Self.logits(1, 4), .random([1, 2], seed: 1)], step: 1 / 1024)
  }

  @Test func balanceOfEqualLogitsIsTheNumberOfChoices() {
    let routing = Routing(
      logits: Variable(constant: Tensor(shape: [6, 4], repeating: 2)), routed: 3)
    #expect(routing.balance().loss.value.scalars == [3])
    expectClose(
      routing.weights.value.scalars, [Float](repeating: 1 / 3, count: 18),
      within: [Double](repeating: 1e-6, count: 18), "weights")
  }
}
