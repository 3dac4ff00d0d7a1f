import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct SlotWriteTests {
  /// Through one write and through several, with and without forgetting.
  ///
  /// Low temperatures and norms of short sums curve the function, so steps are small.
  @Test(arguments: [1, 2, 3], [true, false])
  func gradients(writes: Int, forgets: Bool) {
    for (slots, segment, heads, temperature) in [(1, 1, 1, 1), (3, 4, 2, 0.5), (17, 5, 3, 0.25)] {
      let write = SlotWrite(
        heads: heads, segment: segment, temperature: Float(temperature), epsilon: 1e-3)
      expectGradients(
        of: {
          write($0[0], reading: $0[1], weight: $0[2], forgetting: forgets ? $0[3] : nil)
        },
        at: [
          .random([slots, 6], seed: 1), .random([writes * segment, 12], seed: 2),
          .random([12, 6], seed: 3), .random([slots, 6], seed: 4),
        ], step: 1 / 4096)
    }
  }

  /// The RMS norm without gain, by which slots begin.
  @Test func gradientsOfTheNormWithoutGain() {
    expectGradients(
      of: { $0[0].rmsNorm(gain: nil, epsilon: 1e-3) }, at: [.random([5, 7], seed: 1)])
  }
}
