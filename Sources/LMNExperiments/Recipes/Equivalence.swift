internal import LMNAutodiff
internal import LMNCharts
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// Parallel against sequential form of every memory: differences and canonical correlations of the
/// representations at many lengths, and training in both forms.
package struct Equivalence: Recipe {
  package static let name = "equivalence"
  package static let input = RecipeInput.text
  package static let summary = "Parallel against sequential form of every memory."

  private let form: RecipeForm
  private let source: RecipeFile
  private let tokenizer: Tokenizer
  package var files: [RecipeFile] { [source] }

  package init(_ form: RecipeForm, files: [RecipeFile]) throws {
    self.form = form
    source = files.first ?? .grammar
    tokenizer = .characters(try Vocabulary(of: source.bytes))
  }

  fileprivate struct Settings: Encodable, Sendable {
    var model: Configuration
    let seed: UInt64
    /// Lengths of the texts whose representations are compared.
    let lengths: [Int]
    /// Steps in parallel form before the comparison, and in both forms after it.
    let (trainingSteps, fineTuningSteps): (Int, Int)
    /// Tokens of a step of fine-tuning.
    let fineTuningLength: Int
    /// Learning rate of both.
    let learningRate: Float = 1e-3

    enum CodingKeys: String, CodingKey {
      case model, seed, lengths
      case trainingSteps = "training_steps"
      case fineTuningSteps = "fine_tuning_steps"
      case fineTuningLength = "fine_tuning_length"
      case learningRate = "learning_rate"
    }
  }

  private var networks: [RecipeNetwork] {
    RecipeNetwork.kinds + [
      .init("logarithmic, window 1, pinned 4", LogarithmicMemory.Settings.self) {
        ($0.window, $0.pinned) = (1, 4)
      }
    ]
  }

  private var lengths: [Int] {
    // Trees change at powers of two.
    (form(full: [1, 3, 6, 8, 9, 10, 11, 12], quick: [1, 3, 6, 8])).flatMap { exponent in
      [(1 << exponent) - 1, 1 << exponent, (1 << exponent) + 1]
    }
  }

  package var cells: [Cell] {
    let (source, tokenizer) = (source, tokenizer)
    return networks.flatMap { network in
      form.seeds.map { seed in
        let settings = Settings(
          model: network.with { $0.vocabularySize = tokenizer.vocabularySize }.model, seed: seed,
          lengths: lengths, trainingSteps: form(full: 500, quick: 20),
          fineTuningSteps: form(full: 100, quick: 5), fineTuningLength: form(full: 64, quick: 16))
        return Cell([.init("memory", network.name), .init("seed", seed)], settings) { work in
          let tokens = try Corpus(text: source.bytes, tokenizer: tokenizer, blockLength: 1)[
            .training]
          return try settings.measurements(on: Array(tokens), work)
        }
      }
    }
  }

  package func report(on results: Results) -> Report {
    func text(_ quantity: String, _ memory: String, _ format: (Double) -> String) -> String {
      results.summary(quantity, where: ["memory": memory], at: nil).map {
        format($0.range.upperBound)
      } ?? "–"
    }
    let worst = results.summary(Quantity.difference, at: nil)?.range.upperBound
    let correlation = results.summary(Quantity.correlation, at: nil)?.range.lowerBound
    let claims = [
      Claim(
        "LMN (arXiv 2501.07905): parallel and sequential mode compute the same function",
        measured: worst.map { "largest relative difference \($0.short)" },
        holds: (worst ?? 1) < 1e-3),
      Claim(
        "their representations are equivalent: canonical correlations near 1",
        measured: correlation.map { "smallest \($0.decimals(6))" },
        holds: (correlation ?? 0) > 0.999),
    ]
    return Report(
      "Parallel and sequential form",
      [
        .paragraph(
          "Networks of width 32 with 4 layers, trained for some steps in parallel form. "
            + "Representations are the vectors before the head, of all tokens of a text that is read "
            + "from its beginning in parallel form, and step by step. Differences are relative to the "
            + "largest value; one of 0, where both forms have the same bits, has no place in the "
            + "chart. Canonical correlations are those of texts of at least 128 tokens. "
            + "Fine-tuning in sequential form goes token by token, with gradients through all tokens "
            + "of a step by memory replay, on the same tokens as that in parallel form; the balance "
            + "loss of a mixture is that of single blocks, so its training differs. The table has the "
            + "largest value "
            + "over seeds and lengths, of correlations the smallest."),
        .chart(
          LineChart(
            "Differences between both forms",
            x: Axis("length", unit: "tokens", scale: .logarithmic),
            y: Axis("largest relative difference", scale: .logarithmic),
            series: networks.map { network in
              .init(
                network.name,
                results.curve(
                  Quantity.difference, along: "length", where: ["memory": network.name]
                ).map { .init($0.x, $0.summary.range.upperBound) })
            }), name: "differences"),
        .table(
          ReportTable(
            [
              "memory", "relative difference", "smallest correlation",
              "difference of fine-tuning losses (nats)", "of fine-tuned parameters",
            ],
            networks.map { network in
              [
                network.name, text(Quantity.difference, network.name) { $0.short },
                results.summary(
                  Quantity.correlation, where: ["memory": network.name], at: nil
                )?.range.lowerBound.decimals(6) ?? "–",
                text(Quantity.loss, network.name) { $0.short },
                text(Quantity.parameters, network.name) { $0.short },
              ]
            })),
      ] + Claim.section("Claims", claims, in: form))
  }

  fileprivate enum Quantity {
    static let difference = "largest relative difference"
    static let correlation = "smallest canonical correlation"
    static let loss = "largest difference of fine-tuning losses (nats)"
    static let parameters = "largest relative difference of fine-tuned parameters"
  }
}

extension Equivalence.Settings {
  private typealias Quantity = Equivalence.Quantity

  /// Trains a network, compares its forms, and trains it on in both.
  fileprivate func measurements(on tokens: [Token], _ work: CellWork) throws -> [MeasuredValue] {
    var generator = SeededGenerator(seed: seed)
    let beginning = try generator.drawing { try LanguageNetwork(model, using: &$0) }
    /// Trains in a part of the work.
    func train(
      _ network: LanguageNetwork, blocks: Int, of length: Int, steps: Int, in part: Range<Double>
    ) throws -> (network: LanguageNetwork, losses: [Double]) {
      try self.train(network, on: tokens, blocks: blocks, of: length, steps: steps) { done in
        try work.advance(to: part.lowerBound + done * (part.upperBound - part.lowerBound))
      }
    }
    let network = try train(
      beginning, blocks: 1, of: 2 * fineTuningLength, steps: trainingSteps, in: 0..<0.2
    ).network
    var values: [MeasuredValue?] = []
    for (index, length) in lengths.enumerated() {
      let start = generator.integer(below: tokens.count - length)
      values += compare(network, on: Array(tokens[start..<start + length]))
      try work.advance(to: 0.2 + 0.5 * Double(index + 1) / Double(lengths.count))
    }
    let parallel = try train(
      network, blocks: 1, of: fineTuningLength, steps: fineTuningSteps, in: 0.7..<0.8)
    let sequential = try train(
      network, blocks: fineTuningLength, of: 1, steps: fineTuningSteps, in: 0.8..<1)
    let losses = zip(parallel.losses, sequential.losses).map { abs($0 - $1) }
    let parameters = zip(
      parallel.network.stateDictionary.tensors, sequential.network.stateDictionary.tensors
    ).map { Self.difference($0.scalars, $1.scalars) }
    values += [
      MeasuredValue(Quantity.loss, losses.max()),
      MeasuredValue(Quantity.parameters, parameters.max()),
    ]
    return values.compactMap(\.self)
  }

  /// Largest difference, relative to the largest value.
  private static func difference(_ found: [Float], _ expected: [Float]) -> Double {
    let largest = expected.reduce(0) { max($0, abs($1)) }
    let difference = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    return largest == 0 ? Double(difference) : Double(difference / largest)
  }

  private func compare(_ network: LanguageNetwork, on tokens: [Token]) -> [MeasuredValue?] {
    var state = network.initialState
    var pass = network.trunk.pass(after: 0, length: tokens.count)
    let parallel = network.trunk(
      network.embed(TokenBuffer(tokens)), after: &state, &pass
    ).value.scalars
    let streams = network.trunk.streams(from: [network.initialState])
    let sequential = tokens.flatMap { token in
      network.trunk.step(network.embed(TokenBuffer([token])).value, of: streams).scalars
    }
    let (width, at) = (network.configuration.width, ["length": Double(tokens.count)])
    func rows(_ scalars: [Float]) -> [[Double]] {
      stride(from: 0, to: scalars.count, by: width).map { start in
        scalars[start..<start + width].map(Double.init)
      }
    }
    // Correlations of few vectors are 1 whatever the vectors are.
    let correlations =
      tokens.count >= 4 * width
      ? CanonicalCorrelations(rows(parallel), rows(sequential)).values : []
    return [
      MeasuredValue(Quantity.difference, at: at, Self.difference(sequential, parallel)),
      MeasuredValue(Quantity.correlation, at: at, correlations.last),
    ]
  }

  /// Trains on consecutive tokens of two places of a text.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - tokens: The text.
  ///   - blocks: Blocks of a step, through which gradients go.
  ///   - length: Tokens of a block; 1 for the sequential form.
  ///   - steps: Number of steps.
  ///   - report: Called after each step, with the part that is done.
  /// - Returns: The network after them, and the losses.
  /// - Throws: Errors of `report`.
  private func train(
    _ network: LanguageNetwork, on tokens: [Token], blocks: Int, of length: Int, steps: Int,
    report: (Double) throws -> Void
  ) rethrows -> (network: LanguageNetwork, losses: [Double]) {
    let (rows, row) = (2, blocks * length)
    // By memory replay, because blocks that are computed at once are one chunk.
    let batch = RecordedBatch(
      ofLossAt: network, windows: rows, length: length,
      carrying: Carry(horizon: blocks, replay: blocks > 1))
    var optimizer = Optimizer(for: network.stateDictionary)
    let losses = try (0..<steps).map { step in
      try report(Double(step) / Double(steps))
      // Streams begin anew, because every position of an attention needs a recording of its own.
      batch.states = batch.inputs.map { _ in nil }
      for (index, window) in batch.inputs.enumerated() {
        let start = (index * tokens.count / rows + step * row) % (tokens.count - row - 1)
        window.overwrite(
          inputs: tokens[start..<start + row], targets: tokens[start + 1...start + row])
      }
      return optimizer.takeStep(
        on: batch, number: step, seed: seed, learningRate: learningRate, clipping: 1
      ).loss
    }
    var network = network
    batch.store(to: &network)
    return (network, losses)
  }
}
