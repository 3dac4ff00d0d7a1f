import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// A language model network of a golden file, with inputs and expected results.
struct LanguageGolden {
  let network: LanguageNetwork
  /// One row of tokens per sequence, all of the same length.
  let inputs, targets: [[Token]]
  /// Logits `[B, L, V]` and loss `[1]`.
  let logits, loss: Tensor
  /// Parts of the loss, `[1]` each, by name; none in files without them.
  let partialLosses: [(name: String, value: Tensor)]
  /// Gradient per parameter, under published names.
  let gradient: StateDictionary

  private static let taskLoss = "loss.cross_entropy"
  private static let balanceLoss = "loss.balance"

  init(_ file: GoldenFile) throws {
    let parts = [Self.taskLoss, Self.balanceLoss]
    let data = ["input_ids", "targets", "logits", "loss"] + parts
    network = try naming(file: file.path) {
      let configuration = try Configuration(json: file.configuration)
      return try LanguageNetwork.loading(file.parameters(besides: data), isPublished: true) {
        try LanguageNetwork(configuration, using: &$0)
      }
    }
    let configuration = network.configuration
    gradient = try file.gradient(of: network.published(network.stateDictionary), besides: data)
    (inputs, targets) = try file.inputsAndTargets(vocabularySize: configuration.vocabularySize)
    let (batch, length) = (inputs.count, inputs[0].count)
    try naming(file: file.path) { try configuration.trunk.expectPositions(for: length) }
    logits = try file.tensor("logits", shape: [batch, length, configuration.vocabularySize])
    loss = try file.tensor("loss", shape: [1])
    partialLosses = try parts.filter(file.has).map { ($0, try file.tensor($0, shape: [1])) }
  }

  /// The network's results, compared with the expected ones.
  var items: [Verification.Item] {
    let batch = inputs.indices
    var items: [Verification.Item] = []
    func compare(_ name: String, _ found: [Float], with expected: Tensor) {
      items.append(Verification.Item(name, found, with: expected.scalars))
    }

    compare(
      "logits, parallel", batch.flatMap { network(inputs[$0]).value.scalars }, with: logits)

    var states = batch.map { _ in network.initialState }
    let steps = inputs[0].indices.map { position in
      network.step(batch.map { inputs[$0][position] }, after: &states)
    }
    compare(
      "logits, sequential",
      batch.flatMap { row in steps.flatMap { $0.rows(row..<row + 1).scalars } }, with: logits)

    compare(
      "logits, prefill in chunks",
      batch.flatMap { row in
        var state = network.initialState
        return Verification.unevenChunks(of: TokenBuffer(inputs[row])).flatMap {
          network($0, after: &state).value.scalars
        }
      }, with: logits)

    @Sendable func loss(_ network: LanguageNetwork, _ row: Int) -> TrainingLoss {
      network.trainingLoss(of: TokenBuffer(inputs[row]), targets: TokenBuffer(targets[row]))
    }
    let (total, found) = valueWithGradient(at: network, overBatchOf: batch.count) {
      loss($0, $1).total
    }
    compare("loss", [total], with: self.loss)
    for (name, expected) in partialLosses {
      let sum = batch.reduce(Float(0)) { sum, row in
        let loss = loss(network, row)
        return sum + ((name == Self.taskLoss ? loss.task : loss.balance)?.value.scalar ?? 0)
      }
      compare(name, [sum / Float(batch.count)], with: expected)
    }
    return items + Verification.items(comparing: network.published(found), with: gradient)
  }
}
