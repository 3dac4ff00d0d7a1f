import LMN

extension KernelBenchmark {
  /// Times causal attention over a whole sequence, forward and backward, without a window and with
  /// one, at the sizes of the smallest network and of a wide one; and a decode step at its end.
  func measureCausalAttention() {
    for (length, width, heads) in [(L, E, H), (2048, 256, 4)] {
      for window in [nil, 64] {
        measureCausalAttention(
          length: length, width: width,
          CausalAttentionShape(
            heads: heads, window: window, scale: 1 / Float(width / heads).squareRoot()))
      }
      measureRotary(length: length, width: width, heads: heads)
    }
  }

  private func measureCausalAttention(length: Int, width: Int, _ shape: CausalAttentionShape) {
    let name =
      "L \(length), E \(width), H \(shape.heads)" + (shape.window.map { ", window \($0)" } ?? "")
    let (qkv, none, dOutput) = (random(length, 3 * width), random(0, width), random(length, width))
    let pairs = Cost.pairsSeen(length: length, window: shape.window)
    measure(
      "causalAttention.forward \(name)",
      .causalAttention(pairs: pairs, length: length, width: width, heads: shape.heads)
    ) { _ = qkv.causalAttention(after: none, none, shape) }
    let (output, logNormalizer) = ExecutionContext.$current.withValue(context) {
      qkv.causalAttention(after: none, none, shape)
    }
    measure(
      "causalAttention.backward \(name)",
      .causalAttentionBackward(pairs: pairs, length: length, width: width, heads: shape.heads)
    ) {
      _ = qkv.causalAttentionPullback(
        dOutput, after: none, none, output: output, logNormalizer: logNormalizer, shape,
        reachingBack: false)
    }

    let (position, row) = (length - 1, random(1, 3 * width))
    let cached = min(position, shape.window ?? position)
    let caches = AttentionCaches(streams: 1, width: width, shape)
    caches.load(0, keys: random(cached, width), values: random(cached, width), at: position)
    let positions = PositionBuffer([Int64(position)])
    measure(
      "causalAttention.step \(name)",
      .causalAttentionStep(seen: cached + 1, width: width, heads: shape.heads)
    ) { _ = caches.step(row, at: positions) }
  }

  private func measureRotary(length: Int, width: Int, heads: Int) {
    let (qkv, positions) = (random(length, 3 * width), PositionBuffer(0..<length))
    let rotary = Rotary(
      frequencies: Buffer((0..<width / heads / 2).map { 0.1 / Double(1 + $0) }))
    measure(
      "rotary L \(length), E \(width), H \(heads)",
      .rotary(rows: length, width: width, headWidth: width / heads)
    ) { _ = qkv.rotated(by: rotary, heads: 2 * heads, at: positions) }
  }
}
