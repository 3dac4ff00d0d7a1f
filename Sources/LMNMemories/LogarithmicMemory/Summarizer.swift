public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// How two neighbouring nodes of a tree become one.
public enum Summarizer: Module {
  /// An affine map of both, per bank.
  case linear(LinearSummarizer)
  /// A depthwise convolution and a pointwise map, per bank.
  case depthwiseSeparable(SeparableSummarizer)

  /// The kinds there are.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case linear, depthwiseSeparable
  }

  /// A summarizer of the given kind with fresh parameters.
  public init(
    _ kind: Kind, width: Int, banks: Int, initialisation: Initialisation,
    using generator: inout SeededGenerator
  ) {
    self =
      switch kind {
      case .linear:
        .linear(
          LinearSummarizer(
            width: width, banks: banks, initialisation: initialisation, using: &generator))
      case .depthwiseSeparable:
        .depthwiseSeparable(
          SeparableSummarizer(
            width: width, banks: banks, initialisation: initialisation, using: &generator))
      }
  }

  /// The nodes of a tree.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree.
  ///   - tokens: `[L, E]`.
  ///   - carried: `[C, E]`, the newest nodes before the tokens, in the order of
  ///     ``LMNKernels/Tree/carriedRows``.
  /// - Returns: `[N, E]`.
  public func nodes(of tree: Tree, tokens: Variable, carried: Tensor) -> Variable {
    switch self {
    case .linear(let summarizer):
      tokens.pairwiseSummary(
        of: tree, carried: carried, weight: summarizer.weight, bias: summarizer.bias)
    case .depthwiseSeparable(let summarizer):
      tokens.separableConv(
        of: tree, carried: carried, taps: summarizer.taps, pointwise: summarizer.pointwise,
        bias: summarizer.bias)
    }
  }

  /// The kind as stretches use it.
  var summaries: Stretch.Summaries {
    switch self {
    case .linear(let summarizer):
      .pairwise(weight: summarizer.weight.value, bias: summarizer.bias.value)
    case .depthwiseSeparable(let summarizer):
      .separable(
        taps: summarizer.taps.value, pointwise: summarizer.pointwise.value,
        bias: summarizer.bias.value)
    }
  }

  /// Takes a token of every stream: the nodes that it finishes, their queries and values.
  func step(_ tokens: Tensor, of streams: StreamTrees, queryValue: Linear) {
    let (weight, bias) = (queryValue.weight.value.transposed, queryValue.bias.value)
    switch self {
    case .linear(let summarizer):
      streams.step(
        tokens, pairwiseSummary: summarizer.weight.value, bias: summarizer.bias.value,
        queryValue: weight, queryValueBias: bias)
    case .depthwiseSeparable(let summarizer):
      streams.step(
        tokens, separableConv: summarizer.taps.value, pointwise: summarizer.pointwise.value,
        bias: summarizer.bias.value, queryValue: weight, queryValueBias: bias)
    }
  }

  /// Lists the kind's parameters.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    switch self {
    case .linear(var summarizer):
      summarizer.visitParameters(visit)
      self = .linear(summarizer)
    case .depthwiseSeparable(var summarizer):
      summarizer.visitParameters(visit)
      self = .depthwiseSeparable(summarizer)
    }
  }

  /// How the kind's parameters stand in published checkpoints.
  var publishedForms: [PublishedForm] {
    switch self {
    case .linear(let summarizer): summarizer.publishedForms
    case .depthwiseSeparable(let summarizer): summarizer.publishedForms
    }
  }
}

/// What a summarizer's parameters are before training.
public enum Initialisation: String, Sendable, Codable, CaseIterable {
  /// The published recipe's: about 47 times below Xavier's rule for the linear kind at width 32, so
  /// far memory is learned from nothing.
  case reference
  /// Normal, at the scale at which a node keeps its children's.
  case normal
  /// Each child through an orthogonal matrix, at the same scale.
  case orthogonal
}

/// `node = [left, right] · weight + bias`, per bank.
public struct LinearSummarizer: Module {
  /// `[K, 2E, E]`; the upper E rows multiply the left child.
  public var weight: Variable
  /// `[K, E]`.
  public var bias: Variable

  init(
    width: Int, banks: Int, initialisation: Initialisation,
    using generator: inout SeededGenerator
  ) {
    let (e, k) = (Float(width), Float(banks))
    switch initialisation {
    case .reference:
      // Xavier's rule as the published code applies it to tensors of these ranks.
      let gain: Float = 0.1
      weight = .normal(
        [banks, 2 * width, width], deviation: gain * (2 / (2 * e * e + k * e)).squareRoot(),
        using: &generator)
      bias = .normal(
        [banks, width], deviation: gain * (2 / (k * e + e)).squareRoot(), using: &generator)
    case .normal:
      weight = .normal(
        [banks, 2 * width, width], deviation: 1 / (2 * e).squareRoot(), using: &generator)
      bias = .constant([banks, width], 0)
    case .orthogonal:
      let halves = Variable.orthogonal(
        matrices: 2 * banks, size: width, scale: Float(0.5).squareRoot(), using: &generator)
      weight = Variable(constant: halves.value.reshaped([banks, 2 * width, width]))
      bias = .constant([banks, width], 0)
    }
  }

  /// Lists `weight` and `bias`.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    visit("weight", &weight)
    visit("bias", &bias)
  }

  var publishedForms: [PublishedForm] {
    let shape = bias.value.shape
    return [
      PublishedForm(
        of: ["bias"], as: ["bias"],
        publish: { [$0[0].reshaped([1, shape[0], 1, shape[1]])] },
        adopt: { [$0[0].reshaped(shape)] })
    ]
  }
}

/// `mixed = taps₀ ⊙ left + taps₁ ⊙ right + taps₂`, `node = mixed · pointwise + bias`, per bank.
public struct SeparableSummarizer: Module {
  /// `[K, 3, E]`: per channel the factors of left and right child, and the bias.
  public var taps: Variable
  /// `[K, E, E]`.
  public var pointwise: Variable
  /// `[K, E]`.
  public var bias: Variable

  init(
    width: Int, banks: Int, initialisation: Initialisation,
    using generator: inout SeededGenerator
  ) {
    let (shape, e) = ([banks, width, width], Float(width))
    let half = Float(0.5).squareRoot()
    switch initialisation {
    case .reference:
      let bound = 1 / e.squareRoot()
      taps = .uniform([banks, 3, width], bound: half, using: &generator)
      pointwise = .uniform(shape, bound: bound, using: &generator)
      bias = .uniform([banks, width], bound: bound, using: &generator)
    case .normal:
      taps = .normal([banks, 3, width], deviation: half, using: &generator)
      pointwise = .normal(shape, deviation: 1 / e.squareRoot(), using: &generator)
      bias = .constant([banks, width], 0)
    case .orthogonal:
      taps = .normal([banks, 3, width], deviation: half, using: &generator)
      pointwise = .orthogonal(matrices: banks, size: width, scale: 1, using: &generator)
      bias = .constant([banks, width], 0)
    }
  }

  /// Lists `taps`, `pointwise` and `bias`.
  public mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    visit("taps", &taps)
    visit("pointwise", &pointwise)
    visit("bias", &bias)
  }

  var publishedForms: [PublishedForm] {
    let (banks, width) = (bias.value.shape[0], bias.value.shape[1])
    return [
      PublishedForm(
        of: ["taps"], as: ["depthwise.weight", "depthwise.bias"],
        publish: { own in
          let taps = own[0].scalars
          var (weight, channelBias): ([Float], [Float]) = ([], [])
          for bank in 0..<banks {
            for channel in 0..<width {
              let left = bank * 3 * width + channel
              weight += [taps[left], taps[left + width]]
              channelBias.append(taps[left + 2 * width])
            }
          }
          return [
            Tensor(shape: [banks, width, 2], scalars: weight),
            Tensor(shape: [banks, width], scalars: channelBias),
          ]
        },
        adopt: { published in
          let (weight, channelBias) = (published[0].scalars, published[1].scalars)
          var taps: [Float] = []
          for channels in (0..<banks).map({ $0 * width..<($0 + 1) * width }) {
            taps += channels.map { weight[2 * $0] }
            taps += channels.map { weight[2 * $0 + 1] }
            taps += channels.map { channelBias[$0] }
          }
          return [Tensor(shape: [banks, 3, width], scalars: taps)]
        }),
      PublishedForm(
        of: ["pointwise", "bias"], as: ["pointwise.weight", "pointwise.bias"],
        publish: { $0 }, adopt: { $0 }),
    ]
  }
}
