import LMNKernels
import LMNLayers
import LMNModel

/// Golden file: a network with inputs and expected results.
struct GoldenFile {
  let network: LanguageNetwork
  /// One row of tokens per sequence, all of the same length.
  let inputs, targets: [[Token]]
  /// Logits `[B, L, V]` and loss `[1]`.
  let logits, loss: Tensor
  /// Parts of the loss, `[1]` each, by name; none in files without them.
  let partialLosses: [(name: String, value: Tensor)]
  /// Gradient per parameter, under published names.
  let gradient: StateDictionary

  /// Name of the loss of the task.
  static let taskLoss = "loss.cross_entropy"
  private static let balanceLoss = "loss.balance"

  init(_ path: String) throws {
    let file = try Safetensors(contentsOf: path)
    func problem(_ sentence: String) -> CheckpointError {
      .unusable(file: path, problem: sentence)
    }
    let json = try file.metadata("config", path: path)

    let gradientPrefix = "grad."
    let parts = [Self.taskLoss, Self.balanceLoss]
    let data = ["input_ids", "targets", "logits", "loss"] + parts
    let names = file.entries.map(\.name).filter { !data.contains($0) }
    let weights = names.filter { !$0.hasPrefix(gradientPrefix) }
    network = try naming(file: path) {
      let configuration = try Configuration(json: json)
      return try LanguageNetwork.loading(file.stateDictionary(of: weights), isPublished: true) {
        try LanguageNetwork(configuration, using: &$0)
      }
    }

    let published = network.published(network.stateDictionary)
    gradient = try file.stateDictionary(of: published.names, prefix: gradientPrefix)
    do { try gradient.expect(sameNamesAndShapesAs: published) } catch {
      throw problem("of the gradients, \(error)")
    }
    if let extra = names.first(where: {
      $0.hasPrefix(gradientPrefix) && published[String($0.dropFirst(gradientPrefix.count))] == nil
    }) {
      throw problem("'\(extra)' is a gradient without a parameter")
    }

    let configuration = network.configuration
    let vocabularySize = configuration.vocabularySize
    func rows(_ name: String) throws -> [[Token]] {
      let (shape, values) = try file.integers(name)
      guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
        throw problem("'\(name)' has shape \(shape), expected [batch, length]")
      }
      if let token = values.first(where: { !(0..<vocabularySize).contains($0) }) {
        throw problem("'\(name)' holds token \(token), outside the vocabulary of \(vocabularySize)")
      }
      return (0..<shape[0]).map { row in
        values[row * shape[1]..<(row + 1) * shape[1]].map { Token($0) }
      }
    }
    inputs = try rows("input_ids")
    targets = try rows("targets")
    func tensor(_ name: String, shape expected: [Int]) throws -> Tensor {
      let (shape, values) = try file.floats(name)
      guard shape == expected else {
        throw problem("'\(name)' has shape \(shape), expected \(expected)")
      }
      return Tensor(shape: shape, scalars: values)
    }
    let (batch, length) = (inputs.count, inputs[0].count)
    guard targets.count == batch, targets[0].count == length else {
      throw problem(
        "'targets' are \(targets.count) rows of \(targets[0].count), "
          + "'input_ids' \(batch) of \(length)")
    }
    try naming(file: path) { try configuration.trunk.expectPositions(for: length) }
    logits = try tensor("logits", shape: [batch, length, vocabularySize])
    loss = try tensor("loss", shape: [1])
    partialLosses = try parts.filter { name in file.entries.contains { $0.name == name } }
      .map { (name: $0, value: try tensor($0, shape: [1])) }
  }
}
