import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// Comparison of this program with a golden file: a small model with inputs, outputs, loss and
/// gradients of another implementation.
public struct Verification: Sendable {
  /// One compared tensor.
  public struct Item: Sendable, Codable {
    /// Name: `logits, parallel`, `grad.lm_head.bias` and so on.
    public let name: String
    /// Largest absolute difference.
    public let absoluteError: Double
    /// Absolute error relative to the largest expected magnitude, if that is not 0.
    public let relativeError: Double

    enum CodingKeys: String, CodingKey {
      case name
      case absoluteError = "absolute_error"
      case relativeError = "relative_error"
    }
  }

  /// All compared tensors.
  public let items: [Item]

  /// Reads a golden file and compares its model in all forms.
  public init(goldenFile path: String) throws {
    let file = try GoldenFile(path)
    items =
      if file.task == TaskKind.forecast.rawValue {
        try ForecasterGolden(file).items
      } else if file.kind == MemformerConfiguration.kind {
        try MemformerGolden(file).items
      } else {
        try LanguageGolden(file).items
      }
  }

  /// Comparisons of the gradient of every parameter.
  static func items(comparing found: StateDictionary, with expected: StateDictionary) -> [Item] {
    zip(expected.names, expected.tensors).map { name, expected in
      Item("grad.\(name)", found[name]!.scalars, with: expected.scalars)
    }
  }

  /// Chunks of 1, 2, 3, 5, 8 … inputs, which begin at various positions.
  static func unevenChunks<Inputs: NetworkInputs>(of inputs: Inputs) -> [Inputs] {
    var (chunks, begin, sizes) = ([Inputs](), 0, (1, 2))
    while begin < inputs.length {
      let end = min(begin + sizes.0, inputs.length)
      chunks.append(inputs.slice(begin..<end))
      sizes = (sizes.1, sizes.0 + sizes.1)
      begin = end
    }
    return chunks
  }
}

extension Verification.Item {
  init(_ name: String, _ found: [Float], with expected: [Float]) {
    // NaN counts as infinite; `max` alone would ignore it.
    let differences = zip(found, expected).map { abs(Double($0) - Double($1)) }
    let difference = differences.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
    let magnitude = expected.reduce(0) { max($0, abs(Double($1))) }
    let relative = magnitude > 0 ? difference / magnitude : difference
    self.init(
      name: name, absoluteError: difference, relativeError: relative.isNaN ? .infinity : relative)
  }
}
