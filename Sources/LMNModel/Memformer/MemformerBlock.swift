internal import LMNAutodiff
internal import LMNKernels
public import LMNLayers

/// Block of a Memformer's encoder or decoder: self-attention, attention to a set of vectors and a
/// feed-forward layer, each behind a LayerNorm and with a residual.
public struct MemformerBlock: Module {
  /// Which of the two stacks a block belongs to.
  enum Stack {
    /// Tokens attend to all tokens of their segment, and to the slots.
    case encoder
    /// Tokens attend to those before them, and to the encoded source.
    case decoder

    /// Name of the attention to a set, in golden files.
    var crossAttention: String {
      switch self {
      case .encoder: "memory_read"
      case .decoder: "cross_attention"
      }
    }
  }

  /// Norm before self-attention.
  public var selfNorm: LayerNorm
  /// Self-attention within a segment.
  public var selfAttention: SegmentSelfAttention
  /// Norm before the attention to a set.
  public var crossNorm: LayerNorm
  /// Attention to the slots or to the encoded source.
  public var crossAttention: CrossAttention
  /// Norm before the feed-forward layer.
  public var feedForwardNorm: LayerNorm
  /// Feed-forward layer, with GELU.
  public var feedForward: FeedForward
  private let stack: Stack

  /// A block with parameters from `source`.
  init(
    of stack: Stack, _ configuration: MemformerConfiguration, using source: inout ParameterSource
  ) {
    let width = configuration.width
    self.stack = stack
    selfNorm = LayerNorm(width: width, using: &source)
    crossNorm = LayerNorm(width: width, using: &source)
    feedForwardNorm = LayerNorm(width: width, using: &source)
    selfAttention = SegmentSelfAttention(
      width: width, configuration.selfAttention(isCausal: stack == .decoder), using: &source)
    crossAttention = CrossAttention(width: width, heads: configuration.heads, using: &source)
    feedForward = FeedForward(
      width: width, factor: configuration.feedForward, activation: .gelu, using: &source)
  }

  /// The output for the next L tokens of a segment.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - tokens: Keys and values of the segment's tokens so far, nil for none; those of the next
  ///     ones are added.
  ///   - set: Keys and values `[n, 2E]` of the slots or of the encoded source.
  /// - Returns: `[L, E]`.
  func callAsFunction(
    _ x: Variable, after tokens: inout Variable?, readingFrom set: Variable
  ) -> Variable {
    var x = x + selfAttention(selfNorm(x), after: &tokens)
    x = x + crossAttention(crossNorm(x), to: set)
    return x + feedForward(feedForwardNorm(x))
  }

  /// The output for all tokens of a segment, whose intermediate values are computed again in the backward
  /// pass instead of being kept.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - set: Keys and values `[n, 2E]` of the slots or of the encoded source.
  /// - Returns: `[L, E]`.
  func recomputed(_ x: Variable, readingFrom set: Variable) -> Variable {
    recomputing([x, set]) { block, inputs in
      var none: Variable?
      return ([block(inputs[0], after: &none, readingFrom: inputs[1])], ())
    }.results[0]
  }

  /// Visits norms, attentions and feed-forward layer.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("norm1", &selfNorm)
    visit("norm2", &crossNorm)
    visit("norm3", &feedForwardNorm)
    visit("attention", &selfAttention)
    visit(stack.crossAttention, &crossAttention)
    visit("feedforward", &feedForward)
  }
}

/// Blocks of a Memformer's encoder or decoder, and a norm behind them.
public struct MemformerStack: Module {
  /// The blocks, from the first.
  public var blocks: [MemformerBlock]
  /// Norm of the last block's output.
  public var norm: LayerNorm

  /// A stack with parameters from `source`.
  init(
    _ stack: MemformerBlock.Stack, layers: Int, _ configuration: MemformerConfiguration,
    using source: inout ParameterSource
  ) {
    blocks = (0..<layers).map { _ in MemformerBlock(of: stack, configuration, using: &source) }
    norm = LayerNorm(width: configuration.width, using: &source)
  }

  /// Keys and values of a set `[n, E]` in every block: `[n, 2E]` each.
  func keysAndValues(of set: Variable) -> [Variable] {
    // The slots are rewritten from the same set: with a branch the bits of its gradient do not depend on
    // whether blocks are computed again.
    let branch = set.branch()
    return blocks.map { $0.crossAttention.keysAndValues(of: branch) }
  }

  /// The output for the next L tokens of a segment.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - tokens: Keys and values of the segment's tokens so far in every block; updated.
  ///   - sets: Keys and values of the slots or of the encoded source in every block.
  /// - Returns: `[L, E]`.
  func callAsFunction(
    _ x: Variable, after tokens: inout [Variable?], readingFrom sets: [Variable]
  ) -> Variable {
    norm(
      blocks.indices.reduce(x) { x, index in
        blocks[index](x, after: &tokens[index], readingFrom: sets[index])
      })
  }

  /// The output for all tokens of a segment.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`.
  ///   - sets: Keys and values of the slots or of the encoded source in every block.
  ///   - recompute: Whether intermediate values of the blocks are computed again in the backward pass.
  /// - Returns: `[L, E]`.
  func callAsFunction(
    _ x: Variable, readingFrom sets: [Variable], recomputing recompute: Bool
  ) -> Variable {
    if recompute {
      return norm(zip(blocks, sets).reduce(x) { $1.0.recomputed($0, readingFrom: $1.1) })
    }
    var none = [Variable?](repeating: nil, count: blocks.count)
    return self(x, after: &none, readingFrom: sets)
  }

  /// Visits the blocks, then the norm.
  public mutating func visitParameters(_ visit: ParameterVisitor) {
    for index in blocks.indices { visit("blocks.\(index)", &blocks[index]) }
    visit("ln_f", &norm)
  }
}
