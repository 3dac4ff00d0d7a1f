public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// Computes the nodes of a tree from their children.
public protocol Summarizer: Module {
  /// The nodes of a tree.
  ///
  /// - Parameters:
  ///   - tree: The part of a stream's tree to compute.
  ///   - tokens: `[L, E]`.
  ///   - carried: `[C, E]`, nodes from before the tokens, in the order of
  ///     ``LMNKernels/Tree/carriedRows``.
  ///   - expansion: Parameters of the expansion before summarization; nil for none.
  /// - Returns: `[N, E]`.
  func nodes(
    of tree: Tree, tokens: Variable, carried: Variable, expansion: ExpansionVariables?
  ) -> Variable

  /// The map as a value, for callers that compute nodes one by one.
  var summary: Summary { get }

  /// Published form of the parameters.
  var publishedForms: [PublishedForm] { get }
}

/// Kinds of summarizer.
public enum SummarizerKind: String, Sendable, Codable, CaseIterable {
  /// An affine map of all children, per bank: ``LinearSummarizer``.
  case linear
  /// A depthwise convolution and a pointwise map, per bank: ``SeparableSummarizer``.
  case depthwiseSeparable
  /// A convolution in as many groups as banks: ``ConvSummarizer``.
  case convGrouped
  /// A convolution that mixes the banks: ``ConvSummarizer``.
  case convFull

  /// A summarizer of this kind with new parameters.
  func summarizer(
    width: Int, shape: TreeShape, using source: inout ParameterSource
  ) -> any Summarizer {
    let scale = SummarizerScale(width: width, banks: shape.banks, arity: shape.arity)
    return switch self {
    case .linear: LinearSummarizer(scale, using: &source)
    case .depthwiseSeparable: SeparableSummarizer(scale, using: &source)
    case .convGrouped:
      ConvSummarizer(scale, mixesBanks: false, using: &source)
    case .convFull: ConvSummarizer(scale, mixesBanks: true, using: &source)
    }
  }
}

/// Sizes of a summarizer.
struct SummarizerScale {
  let width, banks, arity: Int

  /// Maps `[count, inputs · E, E]` of `inputs` children each, at the scale that keeps the magnitude
  /// of the children.
  func maps(
    _ count: Int, inputs: Int, orthogonal: Bool, using source: inout ParameterSource
  ) -> Variable {
    let shape = [count, arity * width, width]
    guard orthogonal else {
      return source.parameter(
        shape, .normal(deviation: 1 / Float(inputs * width).squareRoot()))
    }
    return source.parameter(shape, .orthogonal(scale: 1 / Float(inputs).squareRoot()))
  }
}
