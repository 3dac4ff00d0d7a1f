import LMN

extension KernelBenchmark {
  /// Times attention within segments, forward, backward and in a decode step that rewrites no slots,
  /// and the rewriting of slots by all segments of a sequence; at the sizes of the smallest network
  /// and of a wide one.
  func measureSlots() {
    for (length, width, heads) in [(L, E, H), (2048, 256, 4)] {
      measureSegmentAttention(
        length: length, width: width, SegmentAttentionShape(heads: heads, segment: 64, slots: 16))
      measureSlotWrite(
        length: length, width: width, slots: 16,
        SlotWrite(heads: heads, segment: 64, temperature: 0.25, epsilon: 1e-7))
    }
  }

  private func measureSegmentAttention(
    length: Int, width: Int, _ shape: SegmentAttentionShape
  ) {
    let name =
      "L \(length), E \(width), H \(shape.heads), \(shape.slots) slots, segments of \(shape.segment)"
    let segments = length / shape.segment
    let (queries, dOutput) = (random(length, width), random(length, width))
    let (slots, tokens) = (
      random(segments * shape.slots, 2 * width), random(length, 2 * width)
    )
    let bias = random(shape.heads, shape.segment)
    measure("segmentAttention.forward \(name)", .segmentAttention(shape, length, width)) {
      _ = queries.segmentAttention(slots: slots, tokens: tokens, bias: bias, shape)
    }
    let (output, logNormalizer) = ExecutionContext.$current.withValue(context) {
      queries.segmentAttention(slots: slots, tokens: tokens, bias: bias, shape)
    }
    measure("segmentAttention.backward \(name)", .segmentAttentionBackward(shape, length, width)) {
      _ = queries.segmentAttentionPullback(
        dOutput, slots: slots, tokens: tokens, bias: bias, output: output,
        logNormalizer: logNormalizer, shape)
    }

    let maps = random(width, 2 * width)
    let caches = ExecutionContext.$current.withValue(context) {
      SlotCaches(
        streams: 1, initialSlots: random(shape.slots, width),
        .init(
          read: maps, readBias: random(2 * width), write: maps, writeTokens: maps, forgetting: nil,
          bias: bias),
        reading: shape,
        writing: SlotWrite(
          heads: shape.heads, segment: shape.segment, temperature: 0.25, epsilon: 1e-7))
    }
    let (qkv, token) = (random(1, 3 * width), random(1, width))
    let place = shape.segment - 2
    let positions = PositionBuffer([Int64(place)])
    measure(
      "segmentAttention.step \(name)",
      .causalAttentionStep(seen: shape.slots + place + 1, width: width, heads: shape.heads)
    ) { _ = caches.step(qkv, writing: token, at: positions) }
  }

  private func measureSlotWrite(length: Int, width: Int, slots k: Int, _ write: SlotWrite) {
    let name = "L \(length), E \(width), H \(write.heads), \(k) slots, segments of \(write.segment)"
    let (slots, tokens) = (random(k, width), random(length, 2 * width))
    // As in a network: scores of some hundreds would have weights of 0.
    let weight = random(2 * width, width, scale: 1 / Float(width).squareRoot())
    let forgetting = random(k, width)
    measure("slotWrite.forward \(name)", .slotWrite(write, slots: k, length, width)) {
      _ = write(slots, reading: tokens, weight: weight, forgetting: forgetting)
    }
    let results = ExecutionContext.$current.withValue(context) {
      write(slots, reading: tokens, weight: weight, forgetting: forgetting)
    }
    let cotangent = random((1 + length / write.segment) * k, width)
    measure("slotWrite.backward \(name)", .slotWriteBackward(write, slots: k, length, width)) {
      _ = write.pullback(
        cotangent, results: results, reading: tokens, weight: weight, forgetting: forgetting)
    }
  }
}
