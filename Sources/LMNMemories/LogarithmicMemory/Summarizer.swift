public import LMNAutodiff
public import LMNKernels
public import LMNLayers

/// How the children of a node become the node.
public protocol Summarizer: Module {
  /// The nodes of a tree.
  ///
  /// - Parameters:
  ///   - tree: Which part of a stream's tree.
  ///   - tokens: `[L, E]`.
  ///   - carried: `[C, E]`, nodes from before the tokens, in the order of
  ///     ``LMNKernels/Tree/carriedRows``.
  ///   - expansion: What every list of slots grows by before, if it does.
  /// - Returns: `[N, E]`.
  func nodes(
    of tree: Tree, tokens: Variable, carried: Variable, expansion: ExpansionVariables?
  ) -> Variable

  /// The same for whoever decides which nodes are made when.
  var summary: Summary { get }

  /// How the parameters stand in published checkpoints.
  var publishedForms: [PublishedForm] { get }
}

/// The summarizers that there are.
public enum SummarizerKind: String, Sendable, Codable, CaseIterable {
  /// An affine map of all children, per bank: ``LinearSummarizer``.
  case linear
  /// A depthwise convolution and a pointwise map, per bank: ``SeparableSummarizer``.
  case depthwiseSeparable
  /// A convolution in as many groups as banks: ``ConvSummarizer``.
  case convGrouped
  /// A convolution that mixes the banks: ``ConvSummarizer``.
  case convFull

  /// A summarizer of this kind with fresh parameters.
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

/// The sizes of a summarizer.
struct SummarizerScale {
  let width, banks, arity: Int

  /// Maps `[count, inputs · E, E]` with the given number of inputs each, at the scale at which a node
  /// keeps that of its children.
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
