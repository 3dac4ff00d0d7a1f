import LMNKernels
import LMNModel
import LMNTestSupport
import LMNTraining
import Testing

@Suite struct VerificationTests {
  /// Bound of errors: golden files are rounded to float32 once, kernels round at each step.
  static let tolerance = 1e-5
  /// The same for memories with a norm per head, which amplifies rounding where a head's output is
  /// small: the definition in float32 misses 1e-5, too.
  private static let toleranceOfNormedHeads = 1e-4
  private static let directory =
    #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Goldens"
  private static let goldens = names(in: directory).filter {
    $0.hasSuffix(".safetensors") && !$0.hasPrefix("training")
  }

  /// Files of other memories have the parts of the loss.
  @Test func thereAreGoldenFilesOfEveryMemory() throws {
    for prefix in [
      "attention", "delta", "gatedDelta", "gatedLinear", "hybrid", "linearRule", "mixture",
      "slots", "stateSpace",
    ] {
      let name = try #require(Self.goldens.first { $0.hasPrefix(prefix + "-") }, "\(prefix)")
      let items = try Verification(goldenFile: "\(Self.directory)/\(name)").items
      let losses = items.map(\.name).filter { $0.hasPrefix("loss") }
      #expect(losses == ["loss", "loss.cross_entropy", "loss.balance"])
    }
  }

  @Test func thereAreGoldenFilesOfMemformer() {
    #expect(Self.goldens.contains { $0.hasPrefix("memformer-short") })
  }

  /// Beside a linear map and without one, with quantiles and with covariates.
  @Test func thereAreGoldenFilesOfForecastersWithEveryNormalisation() throws {
    for kind in ForecasterNetwork.NormalisationKind.allCases {
      let path = "\(Self.directory)/forecaster-\(kind.rawValue).safetensors"
      let settings = try #require(try Safetensors(contentsOf: path).metadata["forecaster"])
      #expect(settings.contains(#""normalisation": "\#(kind.rawValue)""#))
    }
  }

  @Test func thereAreGoldenFilesOfBothSummarizers() {
    #expect(Self.goldens.contains { $0.hasPrefix("linear") })
    #expect(Self.goldens.contains { $0.hasPrefix("depthwiseSeparable") })
  }

  @Test func thereAreGoldenFilesOfEveryOption() throws {
    let configurations = try Self.goldens.map {
      try Safetensors(contentsOf: "\(Self.directory)/\($0)").metadata["config"] ?? ""
    }
    for option in ["gelu", "relu", "sinusoidal", "learned", "\"tiedHead\": true"] {
      #expect(configurations.contains { $0.contains(option) }, "\(option)")
    }
  }

  @Test(arguments: InstructionSet.available, goldens)
  func goldenFilesAreReproduced(_ instructionSet: InstructionSet, _ golden: String) throws {
    let verification = try computing(on: instructionSet) {
      try Verification(goldenFile: "\(Self.directory)/\(golden)")
    }
    let names = verification.items.map(\.name)
    let outputs = golden.hasPrefix("forecaster") ? "forecasts" : "logits"
    #expect(
      Array(names.prefix(4)) == [
        "\(outputs), parallel", "\(outputs), sequential", "\(outputs), prefill in chunks", "loss",
      ])
    let hasNormedHeads = names.contains { $0.hasSuffix(".output_norm.weight") }
    let tolerance = hasNormedHeads ? Self.toleranceOfNormedHeads : Self.tolerance
    #expect(names.contains { $0.hasPrefix("grad.") && $0.hasSuffix("out_proj.weight") })
    for item in verification.items {
      #expect(item.relativeError <= tolerance, "\(item.name)")
    }
  }

  /// A change of the smallest golden file, and the comparisons that have to fail.
  @Test(arguments: [
    Damage("a logit", in: "logits, ") { $0.floats["logits"]!.values[3] += 1e-3 },
    Damage("no number for a logit", in: "logits, ") { $0.floats["logits"]!.values[3] = .nan },
    Damage("infinity for a logit", in: "logits, ") { $0.floats["logits"]!.values[3] = .infinity },
    Damage("the loss", in: "loss") { $0.floats["loss"]!.values[0] *= 1.0001 },
    Damage("a gradient", in: "grad.lm_head.bias") {
      $0.floats["grad.lm_head.bias"]!.values[0] += 1e-3
    },
    Damage("no number for a gradient", in: "grad.ln_f.bias") {
      $0.floats["grad.ln_f.bias"]!.values[0] = .nan
    },
    Damage("a weight", in: "") { $0.floats["lm_head.weight"]!.values[0] += 1e-1 },
    Damage("a target", in: "loss") { golden in
      golden.integers["targets"]!.values[0] = (golden.integers["targets"]!.values[0] + 1) % 5
    },
  ])
  private func damageIsFound(_ damage: Damage) throws {
    let items = try verification(of: damage).items
    let found = items.filter { !($0.relativeError <= Self.tolerance) }
    #expect(found.contains { $0.name.hasPrefix(damage.expected) })
    // An error in a result does not affect other comparisons.
    if damage.expected.hasPrefix("logits") || damage.expected.hasPrefix("grad") {
      #expect(found.allSatisfy { $0.name.hasPrefix(damage.expected) })
    }
  }

  /// A change of the smallest golden file, and the error it causes.
  @Test(arguments: [
    Damage("no configuration", in: "it has no 'config' in its metadata") {
      $0.metadata["config"] = nil
    },
    Damage("an unknown key", in: "unknown keys in the configuration: experts") {
      $0.configure("\"width\": 4", "\"width\": 4, \"experts\": 2")
    },
    Damage("another kind", in: "the configuration cannot be read: summarizer: ") {
      $0.configure("depthwiseSeparable", "conv")
    },
    Damage("too few positions", in: "a stream of 2 tokens reaches position 1, after") {
      $0.configure("\"width\": 4", "\"width\": 4, \"positions\": \"learned\", \"maximumLength\": 1")
      $0.floats["position_embedding_table.weight"] = ([1, 4], [0, 0, 0, 0])
      $0.floats["grad.position_embedding_table.weight"] = ([1, 4], [0, 0, 0, 0])
    },
    Damage("no number for a weight", in: "'lm_head.weight' has a value that is not finite") {
      $0.floats["lm_head.weight"]!.values[0] = .nan
    },
    Damage("heads", in: "3 heads do not divide a width of 4") {
      $0.configure("\"heads\": 4", "\"heads\": 3")
    },
    Damage("a huge width", in: "parameters, the file has ") {
      $0.configure("\"width\": 4", "\"width\": 16777216")
    },
    Damage("a huge number of layers", in: "parameters, the file has ") {
      $0.configure("\"layers\": 1", "\"layers\": 4096")
    },
    Damage("sizes beyond counting", in: "number of parameters for these sizes overflows") {
      $0.configure("\"width\": 4", "\"width\": 16777216")
      $0.configure("\"banks\": 1", "\"banks\": 16777216")
    },
    Damage("a missing weight", in: "parameters, the file has ") { $0.floats["lm_head.bias"] = nil },
    Damage("a misshapen weight", in: "tensor 'lm_head.weight' has shape [4, 5]") {
      $0.floats["lm_head.weight"]!.shape = [4, 5]
    },
    Damage("a weight of another name", in: "tensors are missing: lm_head.bias") {
      $0.floats["lm_head.scale"] = $0.floats.removeValue(forKey: "lm_head.bias")
    },
    Damage("a missing gradient", in: "there is no tensor 'grad.ln_f.bias'") {
      $0.floats["grad.ln_f.bias"] = nil
    },
    Damage("a misshapen gradient", in: "of the gradients, tensor 'ln_f.bias' has shape [2, 2]") {
      $0.floats["grad.ln_f.bias"]!.shape = [2, 2]
    },
    Damage("a gradient of nothing", in: "'grad.ln_f.scale' is a gradient without a parameter") {
      $0.floats["grad.ln_f.scale"] = ([1], [0])
    },
    Damage("no logits", in: "there is no tensor 'logits'") { $0.floats["logits"] = nil },
    Damage("misshapen logits", in: "'logits' has shape [2, 5]") {
      $0.floats["logits"]!.shape = [2, 5]
    },
    Damage("logits that are integers", in: "tensor 'logits' is of type I64, not F32") {
      $0.integers["logits"] = ([1, 2, 5], [Int](repeating: 0, count: 10))
      $0.floats["logits"] = nil
    },
    Damage("no loss", in: "there is no tensor 'loss'") { $0.floats["loss"] = nil },
    Damage("two losses", in: "'loss' has shape [2]") { $0.floats["loss"] = ([2], [1, 1]) },
    Damage("no inputs", in: "there is no tensor 'input_ids'") { $0.integers["input_ids"] = nil },
    Damage("an empty batch", in: "'input_ids' has shape [0, 2]") {
      $0.integers["input_ids"] = ([0, 2], [])
    },
    Damage("empty sequences", in: "'input_ids' has shape [1, 0]") {
      $0.integers["input_ids"] = ([1, 0], [])
    },
    Damage("no batch", in: "'input_ids' has shape [2]") { $0.integers["input_ids"]!.shape = [2] },
    Damage("other targets", in: "'targets' are 2 rows of 1, 'input_ids' 1 of 2") {
      $0.integers["targets"]!.shape = [2, 1]
    },
    Damage("a token after the last", in: "'input_ids' holds token 5, outside the vocabulary of 5") {
      $0.integers["input_ids"]!.values[1] = 5
    },
    Damage("a token before the first", in: "'targets' holds token -1, outside the vocabulary of 5")
    {
      $0.integers["targets"]!.values[0] = -1
    },
    Damage("a token beyond 32 bits", in: "holds token 4294967296, outside the vocabulary of 5") {
      $0.integers["input_ids"]!.values[0] = 1 << 32
    },
  ])
  private func aFileThatSaysNothingIsAnError(_ damage: Damage) {
    let error = #expect(throws: (any Error).self) { try verification(of: damage) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(damage.expected))
  }

  /// A change of a Memformer's golden file, and the error it causes.
  @Test(arguments: [
    Damage("a gap in a segment", in: "'targets' has a token after an empty place, in row 0") {
      $0.integers["targets"]!.values[1] = -1
    },
    Damage("an empty row", in: "row 0 of 'targets' has no tokens") {
      $0.integers["targets"]!.values.replaceSubrange(0..<4, with: [-1, -1, -1, -1])
    },
    Damage("other inputs", in: "'input_ids' and 'targets' differ in row 0, column 2") { golden in
      golden.integers["input_ids"]!.values[2] = (golden.integers["input_ids"]!.values[2] + 1) % 5
    },
    Damage("an unknown key", in: "unknown keys in the configuration: rho") {
      $0.configure("\"segment\": 1", "\"segment\": 1, \"rho\": 2")
    },
    Damage("a missing weight", in: "parameters, the file has ") { $0.floats["lm_head.bias"] = nil },
    Damage("misshapen logits", in: "'logits' has shape [8, 5]") {
      $0.floats["logits"]!.shape = [8, 5]
    },
  ])
  private func aMemformerFileThatSaysNothingIsAnError(_ damage: Damage) {
    let error = #expect(throws: (any Error).self) {
      try verification(of: damage, "memformer-one-token-segments")
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains(damage.expected))
  }

  /// A change of a forecaster's golden file, and the error it causes or the comparison that has to fail.
  @Test(arguments: [
    Damage("no normalisation", in: "it has no 'normalisation' in its metadata") {
      $0.metadata["normalisation"] = nil
    },
    Damage("another horizon", in: "parameters, the file has ") {
      $0.metadata["horizon"] = "6"
    },
    Damage("no series", in: "there is no tensor 'series'") { $0.floats["series"] = nil },
    Damage("a series of other channels", in: "'series' has shape [2, 44, 1], expected [batch") {
      $0.floats["series"]!.shape = [2, 44, 1]
    },
    Damage("a value that is not finite", in: "'series' holds inf") {
      $0.floats["series"]!.values[5] = .infinity
    },
    Damage("no covariates", in: "there is no tensor 'covariates'") {
      $0.floats["covariates"] = nil
    },
    Damage("covariates of one series", in: "'covariates' are those of 1 series, 'series' has 2") {
      $0.floats["covariates"]!.shape = [1, 50, 1]
    },
    Damage("series of one row", in: "'series' has one row, which has no targets") {
      $0.floats["series"]!.shape = [44, 1, 2]
      $0.floats["covariates"] = ([44, 1, 1], [Float](repeating: 0, count: 44))
    },
    Damage("forecasts of all rows", in: "'forecasts' has shape [2, 7, 18], expected [2, 21, 6]") {
      $0.floats["forecasts"]!.shape = [2, 7, 18]
    },
    Damage("a missing gradient", in: "there is no tensor 'grad.lags.bias'") {
      $0.floats["grad.lags.bias"] = nil
    },
  ])
  private func aForecasterFileThatSaysNothingIsAnError(_ damage: Damage) {
    let error = #expect(throws: (any Error).self) {
      try verification(of: damage, "forecaster-last")
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains(damage.expected))
  }

  /// A change of a forecaster's golden file, and the comparisons that have to fail.
  @Test(arguments: [
    Damage("a forecast", in: "forecasts, ") { $0.floats["forecasts"]!.values[7] += 1e-3 },
    Damage("a covariate", in: "forecasts, ") { $0.floats["covariates"]!.values[9] += 0.1 },
    Damage("the last value, a target only", in: "loss") {
      $0.floats["series"]!.values[43] += 0.1
    },
    Damage("a gradient of the linear map", in: "grad.lags.weight") {
      $0.floats["grad.lags.weight"]!.values[0] += 1e-3
    },
    Damage("a mean", in: "forecasts, ") {
      $0.metadata["normalisation"] = $0.metadata["normalisation"]!.replacing("1.5", with: "1.6")
    },
    Damage("a unit of the outputs", in: "forecasts, ") {
      $0.metadata["units"] = $0.metadata["units"]!.replacing("0.5", with: "0.51")
    },
  ])
  private func damageToForecastersIsFound(_ damage: Damage) throws {
    let items = try verification(of: damage, "forecaster-last").items
    let found = items.filter { !($0.relativeError <= Self.tolerance) }
    #expect(found.contains { $0.name.hasPrefix(damage.expected) })
  }

  @Test func aMissingFileIsAnError() {
    #expect(throws: SafetensorsError.self) { try Verification(goldenFile: "/nowhere/golden") }
  }

  private func verification(
    of damage: Damage, _ name: String = "depthwiseSeparable-4x4-L2"
  ) throws -> Verification {
    var golden = try Golden("\(Self.directory)/\(name).safetensors")
    damage.inflict(&golden)
    return try withTemporaryDirectory { directory in
      try golden.write(to: directory + "/golden")
      return try Verification(goldenFile: directory + "/golden")
    }
  }
}

/// Contents of a golden file, to be changed.
private struct Golden {
  var metadata: [String: String]
  var floats: [String: (shape: [Int], values: [Float])] = [:]
  var integers: [String: (shape: [Int], values: [Int])] = [:]

  init(_ path: String) throws {
    let file = try Safetensors(contentsOf: path)
    metadata = file.metadata
    for entry in file.entries {
      if entry.type == .f32 {
        floats[entry.name] = try file.floats(entry.name)
      } else {
        integers[entry.name] = try file.integers(entry.name)
      }
    }
  }

  mutating func configure(_ part: String, _ replacement: String) {
    precondition(metadata["config"]!.contains(part))
    metadata["config"] = metadata["config"]!.replacing(part, with: replacement)
  }

  func write(to path: String) throws {
    var file = Safetensors(metadata: metadata)
    for (name, tensor) in floats { file.append(name, shape: tensor.shape, floats: tensor.values) }
    for (name, tensor) in integers {
      file.append(name, shape: tensor.shape, integers: tensor.values)
    }
    try file.write(to: path)
  }
}

/// A change of a golden file, and its effect.
private struct Damage: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: String
  let inflict: @Sendable (inout Golden) -> Void

  init(
    _ description: String, in expected: String,
    _ inflict: @escaping @Sendable (inout Golden) -> Void
  ) {
    testDescription = description
    self.expected = expected
    self.inflict = inflict
  }
}
