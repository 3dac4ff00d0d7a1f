import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SegmentAttentionTests {
  private static let chunks: [(length: Int, before: Int, shape: SegmentAttentionShape)] =
    combinations(24, of: [1, 2, 9, 65], [0, 1, 3], [4, 5, 70], [0, 1, 3], [true, false]).map {
      length, before, segment, slots, isCausal in
      (
        length, before,
        SegmentAttentionShape(heads: 2, segment: segment, slots: slots, isCausal: isCausal)
      )
    }

  @Test(arguments: chunks)
  func gradients(_ chunk: (length: Int, before: Int, shape: SegmentAttentionShape)) {
    let (rows, shape) = (chunk.before + chunk.length, chunk.shape)
    let segments = (rows + shape.segment - 1) / shape.segment
    expectGradients(
      of: { $0[0].segmentAttention(slots: $0[1], tokens: $0[2], bias: $0[3], shape) },
      at: [
        .random([chunk.length, 6], seed: 1), .random([segments * shape.slots, 12], seed: 2),
        .random([rows, 12], seed: 3), .random([2, shape.distances], seed: 4),
      ])
  }
}
