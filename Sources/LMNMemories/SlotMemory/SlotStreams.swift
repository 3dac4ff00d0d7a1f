internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers

/// Slots and open segments of B streams, at stable addresses.
final class SlotStreams: MemoryStreams {
  private let memory: SlotMemory
  private let caches: SlotCaches

  init(of memory: SlotMemory, count: Int) {
    let width = memory.width
    let (read, readBias) = (memory.projectionWeight.value, memory.projectionBias.value)
    let writer = memory.writer, write = writer.weight.value
    self.memory = memory
    caches = SlotCaches(
      streams: count, initialSlots: writer.initialSlots.value,
      SlotCaches.Parameters(
        read: read.rows(width..<3 * width).transposed, readBias: readBias.rows(width..<3 * width),
        write: write.rows(0..<2 * width).transposed,
        writeTokens: write.rows(width..<3 * width).transposed,
        forgetting: writer.forgets ? writer.forgetting.value : nil,
        bias: memory.positionBias.value),
      reading: memory.reading, writing: writer.rule(tokens: memory.settings.segment))
  }

  /// The sequential form.
  func step(_ x: Tensor, at positions: PositionBuffer) -> Tensor {
    let qkv = Variable(constant: x).linear(
      weight: memory.projectionWeight, bias: memory.projectionBias)
    let attended = caches.step(qkv.value, writing: x, at: positions)
    return memory.output(Variable(constant: attended)).value
  }

  func reset(_ row: Int) { caches.reset(row) }

  func load(_ state: MemoryState, at row: Int, position: Int) {
    caches.load(
      row, slots: state["slots"].value, read: state["read"].value, write: state["write"].value,
      at: position)
  }

  func state(at row: Int, position: Int) -> MemoryState {
    let values = caches.state(of: row, at: position)
    return MemoryState([
      .init("slots", Variable(constant: values.slots)),
      .init("read", Variable(constant: values.read)),
      .init("write", Variable(constant: values.write)),
    ])
  }
}
