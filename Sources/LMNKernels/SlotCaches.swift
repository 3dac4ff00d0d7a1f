internal import CLMN

/// Slots of B streams and the open segment of each, for decode steps, at stable addresses so that
/// steps can be recorded.
///
/// `@unchecked` because it holds pointers; one thread at a time may step.
public final class SlotCaches: @unchecked Sendable {
  /// Parameters of reading and writing, which are constants of the steps.
  public struct Parameters: Sendable {
    /// `[E, 2E]`: maps of slots to the key and value with which they are read.
    public let read: Tensor
    /// `[2E]`: its bias.
    public let readBias: Tensor
    /// `[E, 2E]`: maps of slots to the query and key with which they are written.
    public let write: Tensor
    /// `[E, 2E]`: maps of tokens to the key and value with which they rewrite slots.
    public let writeTokens: Tensor
    /// `[k, E]`; nil for zeros.
    public let forgetting: Tensor?
    /// `[H, S]`: bias by distance.
    public let bias: Tensor

    /// Parameters with the given values.
    public init(
      read: Tensor, readBias: Tensor, write: Tensor, writeTokens: Tensor, forgetting: Tensor?,
      bias: Tensor
    ) {
      (self.read, self.readBias) = (read, readBias)
      (self.write, self.writeTokens) = (write, writeTokens)
      (self.forgetting, self.bias) = (forgetting, bias)
    }
  }

  /// Number of streams, B.
  public let streams: Int
  private let shape: SegmentAttentionShape
  private let writing: SlotWrite
  private let parameters: Parameters
  private let width: Int
  /// `[k, E]` and their keys and values `[k, 2E]`, at the beginning of a stream.
  private let initialSlots, initialKV: Tensor
  /// `[B · k, E]`.
  private let slots: Tensor
  /// `[B · S, E]`: tokens of the open segments; steps save the map to keys and values for writing,
  /// which is read once per segment.
  private let openSegments: Tensor
  /// Workspace of a write: keys and values of tokens `[S, 2E]`; queries and keys, or keys and values,
  /// of slots `[k, 2E]`; sums `[k, E]`; factors of the norm `[k]`; largest scores and normalizers
  /// `[k, H]`.
  private let tokenKV, rows, sums, scale, largest, normalizer: Tensor
  /// `[B]`: list of the chunks of each stream's keys and values, for reading.
  private let lists: UnsafeMutablePointer<UnsafePointer<UnsafeMutablePointer<Float>?>?>
  /// `[B, chunks]`.
  private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// All chunks.
  private let values: Tensor

  /// Places of a chunk.
  private static let places = Int(LMN_CACHE_CHUNK)

  /// Streams at their beginning.
  ///
  /// - Parameters:
  ///   - count: B.
  ///   - initialSlots: `[k, E]`.
  ///   - parameters: Parameters of reading and writing.
  ///   - shape: Shape of reading.
  ///   - writing: The rule of writing.
  public init(
    streams count: Int, initialSlots: Tensor, _ parameters: Parameters,
    reading shape: SegmentAttentionShape, writing: SlotWrite
  ) {
    let (k, width) = (initialSlots.shape[0], initialSlots.shape[1])
    precondition(
      shape.accepts(width: width) && shape.isCausal && shape.slots == k
        && writing.segment == shape.segment && writing.heads == shape.heads,
      "SlotCaches: slots \(initialSlots.shape), \(shape), \(writing)")
    (streams, self.shape, self.writing, self.parameters) = (count, shape, writing, parameters)
    (self.width, self.initialSlots) = (width, initialSlots)
    initialKV = initialSlots.matmul(parameters.read, bias: parameters.readBias)
    func zeros(_ shape: [Int]) -> Tensor {
      Tensor(overwritable: Tensor(shape: shape, repeating: 0))
    }
    slots = zeros([count * k, width])
    openSegments = zeros([count * shape.segment, width])
    tokenKV = zeros([shape.segment, 2 * width])
    (rows, sums, scale) = (zeros([k, 2 * width]), zeros([k, width]), zeros([k]))
    (largest, normalizer) = (zeros([k, shape.heads]), zeros([k, shape.heads]))
    let chunkCount = (k + shape.segment + Self.places - 1) / Self.places
    let size = 2 * width * Self.places
    values = zeros([count * chunkCount, size])
    chunks = .allocate(capacity: count * chunkCount)
    lists = .allocate(capacity: count)
    values.overwrite { values in
      for chunk in 0..<count * chunkCount { (chunks + chunk).initialize(to: values + chunk * size) }
    }
    for stream in 0..<count {
      (lists + stream).initialize(to: UnsafePointer(chunks + stream * chunkCount))
    }
    for stream in 0..<count { reset(stream) }
  }

  deinit {
    chunks.deallocate()
    lists.deallocate()
  }

  /// Attention of one token of each stream; adds the tokens to their segments, and rewrites the
  /// slots of streams whose segment is complete.
  ///
  /// - Parameters:
  ///   - qkv: `[B, 3E]`: query, key and value of each token, for reading.
  ///   - tokens: `[B, E]`, for writing.
  ///   - positions: Positions of the tokens, read at every run of a recording.
  /// - Returns: `[B, E]`.
  /// - Precondition: No position is negative, at every run of a recording too.
  public func step(_ qkv: Tensor, writing tokens: Tensor, at positions: PositionBuffer) -> Tensor {
    precondition(
      qkv.shape == [streams, 3 * width] && tokens.shape == [streams, width]
        && positions.count == streams,
      "SlotCaches: \(qkv.shape) and \(tokens.shape) for \(streams) streams of width \(width)")
    let output = Tensor(uninitialized: [streams, width])
    let arguments = lmn_segment_attention_step(
      streams: streams, segment: shape.segment, slots: shape.slots, width: width,
      heads: shape.heads, scale: shape.scale(width: width), positions: positions.base,
      qkv: qkv.base, bias: parameters.bias.base, caches: UnsafePointer(lists),
      output: output.output)
    ExecutionContext.current.run(on: self, qkv, tokens, positions, output) {
      [self, positions = positions.base, tokens = tokens.base] kernels in
      for stream in 0..<streams {
        let position = positions[stream]
        precondition(position >= 0, "SlotCaches: position \(position) of stream \(stream)")
      }
      withUnsafePointer(to: arguments) { lmn_segment_attention_step_forward(kernels, $0) }
      for stream in 0..<streams {
        let place = Int(positions[stream]) % shape.segment
        openSegments.overwrite {
          ($0 + (stream * shape.segment + place) * width).update(
            from: tokens + stream * width, count: width)
        }
        if place + 1 == shape.segment { rewrite(stream, in: kernels) }
      }
    }
    return output
  }

  /// Rewrites the slots of a stream by its segment, and computes their new keys and values.
  private func rewrite(_ stream: Int, in kernels: lmn_context) {
    let k = shape.slots
    let slots = self.slots.base + stream * k * width
    var tokens = lmn_matmul(
      rows: shape.segment, inner: width, columns: 2 * width,
      left: openSegments.base + stream * shape.segment * width, right: parameters.writeTokens.base,
      bias: nil, product: tokenKV.output)
    lmn_matmul_forward(kernels, &tokens)
    var queries = lmn_matmul(
      rows: k, inner: width, columns: 2 * width, left: slots, right: parameters.write.base,
      bias: nil, product: rows.output)
    lmn_matmul_forward(kernels, &queries)
    var mixture = lmn_slot_write(
      streams: 1, slots: k, tokens: shape.segment, width: width, heads: shape.heads,
      scale: writing.scale(width: width), counts: nil, slot_values: slots, slot_qk: rows.base,
      token_kv: tokenKV.base, forgetting: parameters.forgetting?.base, sums: sums.output,
      largest: largest.output, normalizer: normalizer.output)
    lmn_slot_write_forward(kernels, &mixture)
    var norm = lmn_rms_norm(
      rows: k, width: width, epsilon: writing.epsilon, x: sums.base, gain: nil,
      normalized: UnsafeMutablePointer(mutating: slots), scale: scale.output)
    lmn_rms_norm_forward(kernels, &norm)
    var keys = lmn_matmul(
      rows: k, inner: width, columns: 2 * width, left: slots, right: parameters.read.base,
      bias: parameters.readBias.base, product: rows.output)
    lmn_matmul_forward(kernels, &keys)
    write(keysAndValues: rows, at: 0, of: stream)
  }

  /// Resets a stream to its beginning; allocates nothing.
  public func reset(_ stream: Int) {
    slots(of: stream).overwrite(withScalarsOf: initialSlots)
    write(keysAndValues: initialKV, at: 0, of: stream)
  }

  /// Sets a stream to a state.
  ///
  /// - Parameters:
  ///   - stream: Index of the stream.
  ///   - slots: `[k, E]`.
  ///   - read: `[n mod S, 2E]`: keys and values of the open segment's tokens, for reading.
  ///   - write: `[n mod S, E]`: these tokens, for writing.
  ///   - position: n, the number of tokens that the stream has read.
  public func load(_ stream: Int, slots: Tensor, read: Tensor, write: Tensor, at position: Int) {
    let open = position % shape.segment
    precondition(
      slots.shape == initialSlots.shape && read.shape == [open, 2 * width]
        && write.shape == [open, width],
      "SlotCaches: slots \(slots.shape), tokens \(read.shape) and \(write.shape) at \(position)")
    self.slots(of: stream).overwrite(withScalarsOf: slots)
    let kv = slots.matmul(parameters.read, bias: parameters.readBias)
    self.write(keysAndValues: kv, at: 0, of: stream)
    self.write(keysAndValues: read, at: shape.slots, of: stream)
    openTokens(of: stream, count: open).overwrite(withScalarsOf: write)
  }

  /// State of a stream that has read `position` tokens: the tensors of
  /// ``load(_:slots:read:write:at:)``.
  public func state(
    of stream: Int, at position: Int
  ) -> (slots: Tensor, read: Tensor, write: Tensor) {
    let open = position % shape.segment
    let read = Tensor(shape: [open, 2 * width]) { read in
      forEachPlace(of: open, from: shape.slots, in: stream) { row, key, value, feature in
        read[row * 2 * width + feature] = key.pointee
        read[row * 2 * width + width + feature] = value.pointee
      }
    }
    return (slots(of: stream).copied(), read, openTokens(of: stream, count: open).copied())
  }

  private func slots(of stream: Int) -> Tensor {
    slots.rows(stream * shape.slots..<(stream + 1) * shape.slots)
  }

  private func openTokens(of stream: Int, count: Int) -> Tensor {
    openSegments.rows(stream * shape.segment..<stream * shape.segment + count)
  }

  /// Copies keys and values `[n, 2E]` to the places from `first` on.
  private func write(keysAndValues: Tensor, at first: Int, of stream: Int) {
    keysAndValues.withScalars { rows in
      forEachPlace(of: keysAndValues.shape[0], from: first, in: stream) {
        row, key, value, feature in
        key.pointee = rows[row * 2 * width + feature]
        value.pointee = rows[row * 2 * width + width + feature]
      }
    }
  }

  /// Calls `body` with the row of each of `count` places from `first` on, the addresses of a feature
  /// of its key and value, and the feature.
  private func forEachPlace(
    of count: Int, from first: Int, in stream: Int,
    _ body: (Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    let headWidth = width / shape.heads
    var row = 0
    while row < count {
      let place = (first + row) % Self.places
      let chunk = lists[stream]![(first + row) / Self.places]!
      var feature = 0
      while feature < width {
        let (head, i) = (feature / headWidth, feature % headWidth)
        let keys = chunk + head * 2 * headWidth * Self.places
        body(
          row, keys + i * Self.places + place,
          keys + (Self.places + place) * headWidth + i, feature)
        feature += 1
      }
      row += 1
    }
  }
}

extension SlotCaches: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}
