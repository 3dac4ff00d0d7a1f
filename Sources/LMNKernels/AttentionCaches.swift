internal import CLMN

/// Key and value caches of B streams for decode steps, at stable addresses so that steps can be
/// recorded.
///
/// A cache grows by chunks as its stream goes on; with a window w it has at most w + 1 places, and a
/// token takes that of the token w + 1 before it. The place of a token follows from its position, so
/// that results do not depend on when a stream was saved and restored.
///
/// `@unchecked` because it holds pointers; one thread at a time may step.
public final class AttentionCaches: @unchecked Sendable {
  /// Number of streams, B.
  public let streams: Int
  /// Heads, window and scale of the attention.
  public let shape: CausalAttentionShape
  private let width: Int
  /// `[B]`: list of the chunks of each stream.
  private let lists: UnsafeMutablePointer<UnsafePointer<UnsafeMutablePointer<Float>?>?>
  /// `[B]`: number of chunks of each stream, and the number for which its list has room.
  private let counts, capacities: UnsafeMutablePointer<Int>

  /// Places of a chunk.
  private static let places = Int(LMN_CACHE_CHUNK)

  /// Creates empty caches.
  ///
  /// - Parameters:
  ///   - streams: B.
  ///   - width: E.
  ///   - shape: Heads, window and scale of the attention.
  public init(streams: Int, width: Int, _ shape: CausalAttentionShape) {
    precondition(
      shape.accepts(width: width), "AttentionCaches: width \(width), \(shape)")
    (self.streams, self.width, self.shape) = (streams, width, shape)
    lists = .allocate(capacity: streams)
    lists.initialize(repeating: nil, count: streams)
    counts = .allocate(capacity: streams)
    counts.initialize(repeating: 0, count: streams)
    capacities = .allocate(capacity: streams)
    capacities.initialize(repeating: 0, count: streams)
  }

  deinit {
    for stream in 0..<streams {
      for chunk in 0..<counts[stream] { lists[stream]![chunk]!.deallocate() }
      lists[stream]?.deallocate()
    }
    lists.deallocate()
    counts.deallocate()
    capacities.deallocate()
  }

  /// Attention of one token of each stream; adds the tokens to the caches.
  ///
  /// Allocates only where a token is the first of a chunk.
  ///
  /// - Parameters:
  ///   - qkv: `[B, 3E]`: query, key and value of each token.
  ///   - positions: Positions of the tokens, read at every run of a recording.
  /// - Returns: `[B, E]`.
  /// - Precondition: No position is negative, at every run of a recording too.
  public func step(_ qkv: Tensor, at positions: PositionBuffer) -> Tensor {
    precondition(
      qkv.shape == [streams, 3 * width] && positions.count == streams,
      "AttentionCaches: \(qkv.shape) for \(streams) streams of width \(width)")
    let output = Tensor(uninitialized: [streams, width])
    let arguments = lmn_causal_attention_step(
      streams: streams, width: width, heads: shape.heads,
      window: shape.kernelWindow, scale: shape.scale, positions: positions.base,
      qkv: qkv.base, caches: UnsafePointer(lists), output: output.output)
    ExecutionContext.current.run(on: self, qkv, positions, output) {
      [self, positions = positions.base] kernels in
      for stream in 0..<streams {
        let position = Int(positions[stream])
        precondition(position >= 0, "AttentionCaches: position \(position) of stream \(stream)")
        reserve(place(of: position) + 1, in: stream)
      }
      withUnsafePointer(to: arguments) { lmn_causal_attention_step_forward(kernels, $0) }
    }
    return output
  }

  /// Number of cached tokens that the token at `position` attends to.
  private func cachedCount(at position: Int) -> Int { min(position, shape.window ?? position) }

  /// Place of the token at `position`.
  private func place(of position: Int) -> Int {
    shape.window.map { position % ($0 + 1) } ?? position
  }

  /// Allocates chunks up to a number of places.
  private func reserve(_ placeCount: Int, in stream: Int) {
    while counts[stream] * Self.places < placeCount {
      let count = counts[stream]
      if count == capacities[stream] {
        let capacity = max(2 * count, 8)
        let list = UnsafeMutablePointer<UnsafeMutablePointer<Float>?>.allocate(capacity: capacity)
        list.initialize(repeating: nil, count: capacity)
        if let old = lists[stream] {
          list.update(from: old, count: count)
          old.deallocate()
        }
        lists[stream] = UnsafePointer(list)
        capacities[stream] = capacity
      }
      let size = 2 * width * Self.places
      let chunk = UnsafeMutableRawPointer.allocate(
        byteCount: size * MemoryLayout<Float>.stride, alignment: 64
      ).initializeMemory(as: Float.self, repeating: 0, count: size)
      UnsafeMutablePointer(mutating: lists[stream]!)[count] = chunk
      counts[stream] = count + 1
    }
  }

  /// Sets the cache of a stream.
  ///
  /// - Parameters:
  ///   - stream: Index of the stream.
  ///   - keys: `[n, E]`, of the tokens directly before `position`: all that its token attends to.
  ///   - values: `[n, E]`.
  ///   - position: Number of tokens that the stream has read.
  public func load(_ stream: Int, keys: Tensor, values: Tensor, at position: Int) {
    let expected = [cachedCount(at: position), width]
    precondition(
      keys.shape == expected && values.shape == expected,
      "AttentionCaches: keys \(keys.shape), values \(values.shape) at position \(position)")
    keys.withScalars { keys in
      values.withScalars { values in
        forEachCachedHead(of: stream, at: position) { source, key, value, headWidth in
          for feature in 0..<headWidth { key[feature * Self.places] = keys[source + feature] }
          value.update(from: values + source, count: headWidth)
        }
      }
    }
  }

  /// Cached keys and values of a stream: `[n, E]` each, of the tokens directly before `position`.
  public func state(of stream: Int, at position: Int) -> (keys: Tensor, values: Tensor) {
    let shape = [cachedCount(at: position), width]
    var (keys, values) = (Tensor(shape: shape, repeating: 0), Tensor(shape: shape, repeating: 0))
    keys.withMutableScalars { keys in
      values.withMutableScalars { values in
        forEachCachedHead(of: stream, at: position) { target, key, value, headWidth in
          for feature in 0..<headWidth { keys[target + feature] = key[feature * Self.places] }
          (values + target).update(from: value, count: headWidth)
        }
      }
    }
    return (keys, values)
  }

  /// Calls `body` for every cached token and head with their offset in keys or values `[n, E]`, and
  /// the addresses in the cache: the features of a key are ``places`` apart, those of a value
  /// adjacent.
  private func forEachCachedHead(
    of stream: Int, at position: Int,
    _ body: (
      _ offset: Int, _ key: UnsafeMutablePointer<Float>, _ value: UnsafeMutablePointer<Float>,
      _ headWidth: Int
    ) -> Void
  ) {
    let (count, headWidth) = (cachedCount(at: position), width / shape.heads)
    for row in 0..<count {
      let place = place(of: position - count + row)
      reserve(place + 1, in: stream)
      let chunk = lists[stream]![place / Self.places]!
      for head in 0..<shape.heads {
        let keys = chunk + head * 2 * headWidth * Self.places
        body(
          row * width + head * headWidth, keys + place % Self.places,
          keys + (Self.places + place % Self.places) * headWidth, headWidth)
      }
    }
  }
}

extension AttentionCaches: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { [self] }
}
