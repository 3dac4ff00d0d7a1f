import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct CausalAttentionTests {
  private static let chunks: [(length: Int, before: Int, window: Int?, heads: Int)] = {
    let windows: [Int?] = [nil, 0, 1, 4, 70]
    return combinations(24, of: [1, 2, 9, 65], [0, 1, 6, 66], windows, [1, 2, 3]).map {
      length, before, window, heads in (length, before, window, heads)
    }
  }()

  @Test(arguments: chunks)
  func gradients(_ chunk: (length: Int, before: Int, window: Int?, heads: Int)) {
    let shape = CausalAttentionShape(heads: chunk.heads, window: chunk.window, scale: 0.5)
    expectGradients(
      of: { $0[0].causalAttention(after: $0[1], $0[2], shape) },
      at: [
        .random([chunk.length, 18], seed: 1), .random([chunk.before, 6], seed: 2),
        .random([chunk.before, 6], seed: 3),
      ])
  }

  /// Tokens before the chunk without gradient give the same gradients of the chunk.
  @Test(arguments: chunks)
  func constantsBeforeTheChunkHaveNoGradient(
    _ chunk: (length: Int, before: Int, window: Int?, heads: Int)
  ) {
    let shape = CausalAttentionShape(heads: chunk.heads, window: chunk.window, scale: 0.5)
    let qkv = Variable(parameter: .random([chunk.length, 18], seed: 1))
    let before = [2, 3].map { Tensor.random([chunk.before, 6], seed: $0) }
    let cotangent = Tensor.random([chunk.length, 6], seed: 4)
    let (whole, part) = (
      before.map(Variable.init(parameter:)), before.map(Variable.init(constant:))
    )
    let gradients = [whole, part].map {
      qkv.causalAttention(after: $0[0], $0[1], shape).gradients(cotangent: cotangent)
    }
    #expect(gradients[0][qkv] == gradients[1][qkv] && gradients[0][whole[0]] != nil)
    #expect(gradients[1][part[0]] == nil)
  }
}
