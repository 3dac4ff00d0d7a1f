internal import LMNAutodiff
internal import LMNKernels
internal import LMNLayers
internal import LMNMemories
internal import LMNModel
internal import LMNTraining

/// Retention of a text by one trained network: probes of its state, attention by level, loss by
/// position.
struct RetentionMeasurement {
  let network: LanguageNetwork
  let training: [Token]
  let validation: [Token]
  let settings: Settings

  /// Sizes of the measurement.
  struct Settings: Encodable, Sendable {
    /// T: tokens read before a state is probed, a power of two.
    var probedLength = 256
    /// Examples that a probe is fitted to, and those it is tested on.
    var (fitted, tested) = (1500, 500)
    /// Ridge of a probe, in units of the mean of its kernel's diagonal.
    var ridge = 0.01
    /// Windows whose losses are measured, and their length.
    var (windows, windowLength) = (200, 512)
    /// Windows whose attention is measured.
    var attentionWindows = 8

    enum CodingKeys: String, CodingKey {
      case fitted, tested, ridge, windows
      case probedLength = "probed_length"
      case windowLength = "window_length"
      case attentionWindows = "attention_windows"
    }

    /// Ages that are probed: 0 is the last token.
    var ages: [Int] {
      [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 255].filter { $0 < probedLength }
    }
  }

  /// All measurements.
  ///
  /// - Parameters:
  ///   - generator: Generator of the places in the text.
  ///   - report: Reports the part that is done.
  /// - Returns: The values.
  /// - Throws: Errors of `report`.
  func callAsFunction(
    using generator: inout SeededGenerator, report: (Double) throws -> Void
  ) throws -> [MeasuredValue] {
    let losses = losses(using: &generator)
    try report(0.2)
    let attention = attention(using: &generator)
    try report(0.3)
    return (losses + attention + probes(using: &generator)).compactMap(\.self)
  }

  private func window(
    _ length: Int, of text: [Token], using generator: inout SeededGenerator
  ) -> [Token] {
    let start = generator.integer(below: text.count - length)
    return Array(text[start..<start + length])
  }

  // MARK: - Losses

  /// Mean loss by position (by powers of two) and by trailing zeros of t + 1.
  private func losses(using generator: inout SeededGenerator) -> [MeasuredValue?] {
    let length = settings.windowLength
    let texts = (0..<settings.windows).map { _ in
      window(length + 1, of: validation, using: &generator)
    }
    let losses = ExecutionContext.current.map(texts.count) { index in
      let (inputs, targets) = (texts[index].dropLast(), texts[index].dropFirst())
      return network(TokenBuffer(inputs)).crossEntropy(targets: TokenBuffer(targets)).value.scalars
    }
    func means(_ key: (Int) -> Int?) -> [(key: Int, mean: Double)] {
      var sums: [Int: (sum: Double, count: Double)] = [:]
      for losses in losses {
        for (position, loss) in losses.enumerated() {
          guard let key = key(position) else { continue }
          sums[key, default: (0, 0)].sum += Double(loss)
          sums[key, default: (0, 0)].count += 1
        }
      }
      return sums.keys.sorted().map { ($0, sums[$0]!.sum / sums[$0]!.count) }
    }
    // The last position is alone in its group.
    let byPosition = means {
      $0 + 1 == length ? nil : 1 << (Int.bitWidth - 1 - ($0 + 1).leadingZeroBitCount)
    }
    // Early positions lack high levels, and have higher losses for another reason.
    let byZeros = means {
      $0 + 1 < length / 4 || $0 + 1 == length ? nil : ($0 + 1).trailingZeroBitCount
    }
    return byPosition.map {
      MeasuredValue("loss by position (nats)", at: ["position": Double($0.key)], $0.mean)
    }
      + byZeros.map {
        MeasuredValue(
          "loss by trailing zeros (nats)", at: ["trailing zeros": Double($0.key)], $0.mean)
      }
  }

  // MARK: - Attention

  /// Mean attention weight by block and level, for the second half of each window.
  private func attention(using generator: inout SeededGenerator) -> [MeasuredValue?] {
    let length = settings.windowLength
    var (mass, share): ([String: (Double, Double, Double)], Double) = (
      [:], 1 / Double(settings.attentionWindows)
    )
    for _ in 0..<settings.attentionWindows {
      var state = network.initialState
      var pass = network.trunk.pass(after: 0, length: length)
      var x = network.embed(TokenBuffer(window(length, of: validation, using: &generator)))
      for index in 0..<network.trunk.layers {
        let block = network.trunk.block(ofLayer: index)
        guard let memory = block.memory as? LogarithmicMemory,
          let weights = AttentionWeights(of: memory, over: block.memoryNorm(x))
        else { return [] }
        for level in weights.mass(from: length / 2) {
          let key = "\(index) \(level.level)"
          let before = mass[key]
          mass[key] = (
            (before?.0 ?? 0) + share * level.mass, (before?.1 ?? 0) + share * level.share, 0
          )
        }
        x = block(x, after: &state.blocks[index], &pass)
      }
    }
    return mass.keys.sorted().flatMap { key -> [MeasuredValue?] in
      let words = key.split(separator: " ").map { Double($0) ?? 0 }
      let at = ["block": words[0] + 1, "level": words[1]]
      return [
        MeasuredValue("attention mass", at: at, mass[key]?.0),
        MeasuredValue("attention mass, equal weights", at: at, mass[key]?.1),
      ]
    }
  }

  // MARK: - Probes

  /// State of a network after T tokens of a text.
  private struct Probed {
    let tokens: [Token]
    let state: Trunk.State
  }

  private func probed(
    _ count: Int, of text: [Token], using generator: inout SeededGenerator
  ) -> [Probed] {
    let texts = (0..<count).map { _ in
      window(settings.probedLength, of: text, using: &generator)
    }
    return ExecutionContext.current.map(count) { index in
      var state = network.initialState
      _ = network(TokenBuffer(texts[index]), after: &state)
      return Probed(tokens: texts[index], state: state.detached)
    }
  }

  /// Accuracy of linear probes for the token of each age, from the whole state and from the newest
  /// node of each level.
  private func probes(using generator: inout SeededGenerator) -> [MeasuredValue?] {
    let fit = probed(settings.fitted, of: training, using: &generator)
    let test = probed(settings.tested, of: validation, using: &generator)
    let classes = network.configuration.vocabularySize
    func tokens(_ texts: [Probed], age: Int) -> [Int] {
      texts.map { Int($0.tokens[settings.probedLength - 1 - age]) }
    }
    func accuracies(
      _ features: (Trunk.State) -> [Float], ages: [Int]
    ) -> [(age: Int, accuracy: Double)] {
      let probe = LinearProbe(
        fit: fit.map { features($0.state) }, test: test.map { features($0.state) },
        ridge: settings.ridge)
      return ages.map { age in
        (
          age,
          probe.accuracy(
            fitting: tokens(fit, age: age), on: tokens(test, age: age), classes: classes)
        )
      }
    }
    let whole = accuracies(features, ages: settings.ages).map {
      MeasuredValue("probe of the state", at: ["age": Double($0.age)], $0.accuracy)
    }
    let levels = (0...settings.probedLength.trailingZeroBitCount).flatMap { level in
      newest(level, of: network.initialState, at: 0) == nil
        ? []
        : accuracies(
          { newest(level, of: $0, at: settings.probedLength) ?? [] }, ages: settings.ages
        )
        .map {
          MeasuredValue(
            "probe of a level", at: ["level": Double(level), "age": Double($0.age)],
            $0.accuracy)
        }
    }
    return whole + levels + [baseline(tokens(fit, age: 0), tokens(test, age: 0))]
  }

  /// Accuracy of the most frequent token.
  private func baseline(_ fit: [Int], _ test: [Int]) -> MeasuredValue? {
    let most = Dictionary(grouping: fit) { $0 }.max {
      ($0.value.count, $1.key) < ($1.value.count, $0.key)
    }
    return MeasuredValue(
      "probe, most frequent token", Double(test.count { $0 == most?.key }) / Double(test.count))
  }

  /// All values of a state.
  private func features(_ state: Trunk.State) -> [Float] {
    state.blocks.flatMap { block in block.parts.flatMap { $0.value.value.scalars } }
  }

  /// Newest nodes of a level, of all blocks and banks, in a state.
  ///
  /// At position 0 an empty list; nil unless all memories are trees.
  private func newest(_ level: Int, of state: Trunk.State, at position: Int) -> [Float]? {
    var values: [Float] = []
    for (index, state) in state.blocks.enumerated() {
      let block = network.trunk.block(ofLayer: index)
      guard let memory = block.memory as? LogarithmicMemory else { return nil }
      guard position > 0 else { continue }
      let tree = Tree(start: position, length: 1, shape: memory.shape)
      guard level <= tree.levels else { continue }
      let rows = Dictionary(uniqueKeysWithValues: tree.carriedRows.enumerated().map { ($1, $0) })
      let nodes = state["nodes"].value
      for bank in 0..<(level == 0 ? 1 : memory.shape.banks) {
        let nodesOfLevel = tree.level(level, bank: bank)
        let newest = nodesOfLevel.rows.lowerBound + (nodesOfLevel.carried - 1) * nodesOfLevel.slots
        guard nodesOfLevel.carried > 0, let row = rows[newest] else { continue }
        values += nodes.rows(row..<row + nodesOfLevel.slots).scalars
      }
    }
    return values
  }
}
