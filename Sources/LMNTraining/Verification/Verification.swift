import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// Comparison of this program with a golden file: a small network with inputs, outputs, loss and
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

  /// Reads a golden file and compares its network in all forms.
  public init(goldenFile path: String) throws {
    let golden = try GoldenFile(path)
    self.init(golden)
  }

  private init(_ golden: GoldenFile) {
    let network = golden.network
    let batch = golden.inputs.indices
    var items: [Item] = []
    func compare(_ name: String, _ found: [Float], with expected: Tensor) {
      items.append(Item(name, found, with: expected.scalars))
    }

    compare(
      "logits, parallel", batch.flatMap { network(golden.inputs[$0]).value.scalars },
      with: golden.logits)

    var states = batch.map { _ in network.initialState }
    let steps = golden.inputs[0].indices.map { position in
      network.step(batch.map { golden.inputs[$0][position] }, after: &states)
    }
    compare(
      "logits, sequential",
      batch.flatMap { row in steps.flatMap { $0.rows(row..<row + 1).scalars } },
      with: golden.logits)

    compare(
      "logits, prefill in chunks",
      batch.flatMap { row in
        var state = network.initialState
        return Self.unevenChunks(of: golden.inputs[row]).flatMap {
          network(TokenBuffer($0), after: &state).value.scalars
        }
      },
      with: golden.logits)

    @Sendable func loss(_ network: LanguageNetwork, _ row: Int) -> TrainingLoss {
      network.trainingLoss(
        of: TokenBuffer(golden.inputs[row]), targets: TokenBuffer(golden.targets[row]))
    }
    let (total, gradient) = valueWithGradient(at: network, overBatchOf: batch.count) {
      loss($0, $1).total
    }
    compare("loss", [total], with: golden.loss)
    for (name, expected) in golden.partialLosses {
      let sum = batch.reduce(Float(0)) { sum, row in
        let loss = loss(network, row)
        return sum + ((name == GoldenFile.taskLoss ? loss.task : loss.balance)?.value.scalar ?? 0)
      }
      compare(name, [sum / Float(batch.count)], with: expected)
    }
    let published = network.published(gradient)
    for (name, expected) in zip(golden.gradient.names, golden.gradient.tensors) {
      compare("grad.\(name)", published[name]!.scalars, with: expected)
    }
    self.items = items
  }

  /// Chunks of 1, 2, 3, 5, 8 … tokens, which begin at various positions.
  private static func unevenChunks(of tokens: [Token]) -> [[Token]] {
    var (chunks, begin, sizes) = ([[Token]](), 0, (1, 2))
    while begin < tokens.count {
      let end = min(begin + sizes.0, tokens.count)
      chunks.append(Array(tokens[begin..<end]))
      sizes = (sizes.1, sizes.0 + sizes.1)
      begin = end
    }
    return chunks
  }
}

extension Verification.Item {
  fileprivate init(_ name: String, _ found: [Float], with expected: [Float]) {
    // NaN counts as infinite; `max` alone would ignore it.
    let differences = zip(found, expected).map { abs(Double($0) - Double($1)) }
    let difference = differences.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
    let magnitude = expected.reduce(0) { max($0, abs(Double($1))) }
    let relative = magnitude > 0 ? difference / magnitude : difference
    self.init(
      name: name, absoluteError: difference, relativeError: relative.isNaN ? .infinity : relative)
  }
}
