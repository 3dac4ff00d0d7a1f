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
    width: Int, shape: TreeShape, initialisation: Initialisation,
    using generator: inout SeededGenerator
  ) -> any Summarizer {
    let scale = SummarizerScale(width: width, banks: shape.banks, arity: shape.arity)
    return switch self {
    case .linear: LinearSummarizer(scale, initialisation, using: &generator)
    case .depthwiseSeparable: SeparableSummarizer(scale, initialisation, using: &generator)
    case .convGrouped:
      ConvSummarizer(scale, mixesBanks: false, initialisation, using: &generator)
    case .convFull: ConvSummarizer(scale, mixesBanks: true, initialisation, using: &generator)
    }
  }

  /// How many numbers the parameters hold, by the caller's arithmetic.
  package func parameterCount(
    width: Int, banks: Int, arity: Int, plus: (Int, Int) -> Int, times: (Int, Int) -> Int
  ) -> Int {
    let vectors =
      switch self {
      case .linear, .convGrouped: plus(times(arity, width), 1)
      case .convFull: plus(times(times(arity, banks), width), 1)
      case .depthwiseSeparable: plus(width, plus(arity, 2))
      }
    return times(times(banks, width), vectors)
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

/// The sizes of a summarizer.
struct SummarizerScale {
  let width, banks, arity: Int

  /// Maps `[count, inputs · E, E]` with the given number of inputs each, at the scale at which a node
  /// keeps that of its children.
  func maps(
    _ count: Int, inputs: Int, orthogonal: Bool, using generator: inout SeededGenerator
  ) -> Variable {
    let shape = [count, arity * width, width]
    guard orthogonal else {
      return .normal(
        shape, deviation: 1 / Float(inputs * width).squareRoot(), using: &generator)
    }
    let matrices = Variable.orthogonal(
      matrices: count * arity, size: width, scale: 1 / Float(inputs).squareRoot(),
      using: &generator)
    return matrices.reshaped(shape)
  }
}
