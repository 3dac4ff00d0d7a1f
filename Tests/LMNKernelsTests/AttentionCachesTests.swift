import LMNKernels
import LMNTestSupport
import Testing

/// Decode steps over key and value caches.
@Suite struct AttentionCachesTests {
  private static let width = 6

  private static func shape(_ window: Int?) -> CausalAttentionShape {
    CausalAttentionShape(heads: 2, window: window, scale: 0.5)
  }

  private static func parallel(_ qkv: Tensor, _ shape: CausalAttentionShape) -> Tensor {
    let none = Tensor(shape: [0, width], scalars: [])
    return qkv.causalAttention(after: none, none, shape).output
  }

  /// Steps give the outputs of the parallel form, while caches grow by chunks or rings wrap around.
  @Test(arguments: InstructionSet.available, [nil, 0, 1, 5, 63, 64, 100])
  func stepsEqualTheParallelForm(_ instructionSet: InstructionSet, window: Int?) {
    computing(on: instructionSet) {
      let (length, shape) = (300, Self.shape(window))
      let qkv = Tensor.random([length, 3 * Self.width], seed: 1)
      let expected = Self.parallel(qkv, shape)
      let caches = AttentionCaches(streams: 1, width: Self.width, shape)
      // Values up to √3, scores up to 3 · 3 / 2.
      let bounds = AttentionBounds(
        heads: 1, headWidth: 3, slots: 64 * 9, size: Double(3).squareRoot(), isBinary: true)
      for position in 0..<length {
        let found = caches.step(qkv.rows(position..<position + 1), at: [Int64(position)])
        expectClose(
          found.scalars, expected.rows(position..<position + 1).scalars,
          within: found.scalars.map { _ in 2 * bounds.outputError }, "position \(position)")
      }
    }
  }

  /// A state holds the last tokens in order; a stream that continues from it has the same bits.
  @Test(arguments: [nil, 0, 5, 64, 100], [0, 3, 64, 65, 200])
  func statesContinueWithTheSameBits(window: Int?, position: Int) {
    let (width, shape) = (Self.width, Self.shape(window))
    let qkv = Tensor.random([position + 150, 3 * width], seed: 2)
    let caches = AttentionCaches(streams: 2, width: width, shape)
    func step(_ caches: AttentionCaches, _ token: Int) -> Tensor {
      let row = qkv.rows(token..<token + 1)
      let both = Tensor.concatenatingRows([row, row])
      return caches.step(both, at: [Int64(token), Int64(token)])
    }
    for token in 0..<position { _ = step(caches, token) }
    let count = min(position, window ?? .max)
    let (keys, values) = caches.state(of: 1, at: position)
    let newest = (position - count..<position).map { 3 * $0 }
    let parts = qkv.reshaped([3 * qkv.shape[0], width])
    #expect(keys == parts.rows(at: newest.map { $0 + 1 }))
    #expect(values == parts.rows(at: newest.map { $0 + 2 }))
    let others = AttentionCaches(streams: 2, width: width, shape)
    for stream in 0..<2 { others.load(stream, keys: keys, values: values, at: position) }
    for token in position..<position + 150 { #expect(step(others, token) == step(caches, token)) }
  }

  /// A recorded step goes on while its cache grows, for streams at different positions.
  @Test(arguments: [nil, 70])
  func isRecorded(window: Int?) {
    let (width, shape, starts) = (Self.width, Self.shape(window), [0, 40])
    let lengths = starts.map { $0 + 200 }
    let qkv = (0..<2).map { Tensor.random([lengths[$0], 3 * width], seed: UInt64($0)) }
    func loaded() -> AttentionCaches {
      let caches = AttentionCaches(streams: 2, width: width, shape)
      let parts = qkv[1].reshaped([3 * lengths[1], width])
      let (keys, values) = (1, 2)
      func rows(_ part: Int) -> Tensor { parts.rows(at: (0..<starts[1]).map { 3 * $0 + part }) }
      caches.load(1, keys: rows(keys), values: rows(values), at: starts[1])
      return caches
    }
    func input(_ step: Int) -> Tensor {
      .concatenatingRows((0..<2).map { qkv[$0].rows(starts[$0] + step..<starts[$0] + step + 1) })
    }
    let (called, recorded) = (loaded(), loaded())
    let row = Tensor(overwritable: input(0))
    let positions = PositionBuffer(starts.map(Int64.init))
    var found: Tensor?
    let recording = Recording(in: .current) {
      found = recorded.step(row, at: positions)
      positions.advance()
    }
    for step in 0..<200 {
      if step > 0 {
        row.overwrite(withScalarsOf: input(step))
        recording.run(in: .current)
      }
      let expected = called.step(
        input(step), at: PositionBuffer(starts.map { Int64($0 + step) }))
      #expect(found == expected, "step \(step)")
    }
  }

  @Test func trapsOnAStateOfAnotherLength() async {
    await #expect(processExitsWith: .failure) {
      let zeros = Tensor(shape: [3, 6], repeating: 0)
      AttentionCaches(
        streams: 1, width: 6, CausalAttentionShape(heads: 2, window: 5, scale: 1)
      ).load(0, keys: zeros, values: zeros, at: 4)
    }
  }

  @Test func trapsOnANegativePosition() async {
    await #expect(processExitsWith: .failure) {
      let caches = AttentionCaches(
        streams: 1, width: 6, CausalAttentionShape(heads: 2, window: 5, scale: 1))
      _ = caches.step(Tensor(shape: [1, 18], repeating: 0), at: [-7])
    }
  }
}
