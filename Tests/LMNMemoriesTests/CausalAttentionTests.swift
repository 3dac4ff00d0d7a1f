import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@testable import LMNMemories

/// Causal attention as a test case.
struct CausalAttentionCase: Sendable, CustomTestStringConvertible {
  let width: Int
  let settings: CausalAttention.Settings

  init(
    width: Int, heads: Int, window: Int? = nil, rotary: Bool = false, bias: Bool = true,
    scale: CausalAttention.Settings.Scale = .head
  ) {
    self.width = width
    var settings = CausalAttention.Settings()
    (settings.heads, settings.window, settings.rotary) = (heads, window, rotary)
    (settings.bias, settings.scale, settings.rotaryBase) = (bias, scale, 100)
    self.settings = settings
  }

  static let all = [
    CausalAttentionCase(width: 8, heads: 2),
    CausalAttentionCase(width: 7, heads: 1, window: 5, bias: false),
    CausalAttentionCase(width: 12, heads: 3, rotary: true),
    CausalAttentionCase(width: 8, heads: 4, window: 8, rotary: true),
    CausalAttentionCase(width: 6, heads: 3, window: 0),
    CausalAttentionCase(width: 8, heads: 2, window: 1, bias: false, scale: .width),
    CausalAttentionCase(width: 16, heads: 1, window: 40, rotary: true, bias: false, scale: .width),
  ]

  var testDescription: String {
    "\(width)/\(settings.heads), window \(settings.window.map(String.init) ?? "none")"
      + "\(settings.rotary ? ", rotary" : "")\(settings.bias ? "" : ", no bias"), \(settings.scale)"
  }

  var memory: CausalAttention {
    var source = ParameterSource(seed: 1)
    return CausalAttention(width: width, settings, using: &source)
  }

  func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    // A token attends to up to 103 tokens, in the two forms in different orders: scores and their
    // exponentials, sums of 103 weights in numerator and denominator, and the output map.
    let roundings = instructionSet == .reference ? 8 : 2 * (103 + width) + 32
    return MemoryChecks(
      memory: memory, width: width, tolerance: 2 * Rounding.error(roundings), seed: 3, chunk: 64,
      remembers: { $1 - $0 <= settings.window ?? .max })
  }
}

@Suite struct CausalAttentionTests {
  @Test(arguments: InstructionSet.available, CausalAttentionCase.all)
  func keepsEverything(_ instructionSet: InstructionSet, _ example: CausalAttentionCase) {
    let checks = example.checks(on: instructionSet)
    checks.expectEqualForms(on: instructionSet)
  }

  @Test(arguments: CausalAttentionCase.all)
  func gradientsAreSlopes(_ example: CausalAttentionCase) {
    computing(on: .reference) { example.checks(on: .reference).expectGradientsToBeSlopes() }
  }

  /// With a window of 0 nothing flows through states.
  @Test(
    arguments: InstructionSet.available, CausalAttentionCase.all.filter { $0.settings.window != 0 })
  func gradientsFlowThroughStates(
    _ instructionSet: InstructionSet, _ example: CausalAttentionCase
  ) {
    computing(on: instructionSet) {
      example.checks(on: instructionSet).expectGradientsToFlowThroughStates()
    }
  }

  /// Beyond several chunks of the cache, and many turns of a ring.
  @Test(arguments: InstructionSet.available, CausalAttentionCase.all)
  func formsAgreeOverALongStream(
    _ instructionSet: InstructionSet, _ example: CausalAttentionCase
  ) {
    computing(on: instructionSet) {
      example.checks(on: instructionSet).expectTheFormsToAgree(lengths: [300])
    }
  }

  /// Both forms equal the definition in double precision, token by token.
  @Test(arguments: InstructionSet.available, CausalAttentionCase.all)
  func isTheDefinition(_ instructionSet: InstructionSet, _ example: CausalAttentionCase) {
    computing(on: instructionSet) {
      let (memory, length) = (example.memory, 70)
      let tokens = Tensor.random([length, example.width], seed: 5)
      var (state, pass) = (memory.initialState, Pass(start: 1000, length: length))
      let found = memory(Variable(constant: tokens), after: &state, &pass).value
      let expected = definition(of: memory, example.settings, tokens, start: 1000)
      let largest = expected.reduce(0) { max($0, abs($1)) }
      let tolerance = example.checks(on: .available[0]).tolerance
      expectClose(
        found.scalars, expected.map(Float.init), within: expected.map { _ in tolerance * largest },
        "outputs")
    }
  }

  /// The equations, in plain loops.
  private func definition(
    of memory: CausalAttention, _ settings: CausalAttention.Settings, _ tokens: Tensor, start: Int
  ) -> [Double] {
    let (width, length, heads) = (memory.width, tokens.shape[0], settings.heads)
    let (size, x) = (width / heads, tokens.doubles)
    let (weight, bias) = (
      memory.projectionWeight.value.doubles, memory.projectionBias?.value.doubles
    )
    func projection(_ t: Int, _ row: Int) -> Double {
      (0..<width).reduce(bias?[row] ?? 0) { $0 + x[t * width + $1] * weight[row * width + $1] }
    }
    func rotated(_ t: Int, _ head: [Double]) -> [Double] {
      guard settings.rotary else { return head }
      return head.indices.map { i in
        let pair = i % (size / 2)
        let angle = Double(start + t) * pow(settings.rotaryBase, -2 * Double(pair) / Double(size))
        let (sine, cosine) = (sin(angle), cos(angle))
        return i < size / 2
          ? head[i] * cosine - head[i + size / 2] * sine
          : head[i] * cosine + head[i - size / 2] * sine
      }
    }
    func head(_ t: Int, _ part: Int, _ h: Int) -> [Double] {
      (0..<size).map { projection(t, part * width + h * size + $0) }
    }
    var attended = [Double](repeating: 0, count: length * width)
    for h in 0..<heads {
      let queries = (0..<length).map { rotated($0, head($0, 0, h)) }
      let keys = (0..<length).map { rotated($0, head($0, 1, h)) }
      let values = (0..<length).map { head($0, 2, h) }
      let features = settings.scale == .head ? size : width
      for t in 0..<length {
        let seen = max(0, t - (settings.window ?? t))...t
        let weights = seen.map { s in
          exp(
            zip(queries[t], keys[s]).reduce(0) { $0 + $1.0 * $1.1 }
              / Double(features).squareRoot())
        }
        let sum = weights.reduce(0, +)
        for i in 0..<size {
          attended[t * width + h * size + i] =
            zip(seen, weights).reduce(0) { $0 + $1.1 * values[$1.0][i] } / sum
        }
      }
    }
    let (map, offset) = (memory.output.weight.value.doubles, memory.output.bias.value.doubles)
    return (0..<length).flatMap { t in
      (0..<width).map { row in
        (0..<width).reduce(offset[row]) { $0 + attended[t * width + $1] * map[row * width + $1] }
      }
    }
  }

  @Test func parametersHaveTheirPublishedNames() {
    func shapes(_ bias: Bool) -> [String: [Int]] {
      let memory = CausalAttentionCase(width: 8, heads: 2, bias: bias).memory
      #expect(memory.publishedForms.isEmpty)
      return Dictionary(
        uniqueKeysWithValues: zip(
          memory.stateDictionary.names, memory.stateDictionary.tensors.map(\.shape)))
    }
    let others = ["qkv.weight": [24, 8], "out_proj.weight": [8, 8], "out_proj.bias": [8]]
    #expect(shapes(false) == others)
    #expect(shapes(true) == others.merging(["qkv.bias": [24]]) { $1 })
  }

  /// Without a window, the state grows with the position; with one, up to the window.
  @Test(arguments: [nil, 0, 5], [0, 3, 5, 700])
  func statesHaveTheirShapes(window: Int?, position: Int) {
    let memory = CausalAttentionCase(width: 4, heads: 2, window: window).memory
    var (state, pass) = (memory.initialState, Pass(length: position))
    if position > 0 {
      _ = memory(Variable(constant: .random([position, 4], seed: 1)), after: &state, &pass)
    }
    let shapes = memory.stateShapes(at: position)
    let rows = min(position, window ?? position)
    #expect(
      shapes.map(\.name) == ["keys", "values"] && shapes.map(\.shape) == [[rows, 4], [rows, 4]])
    #expect(state.shapes.map(\.shape) == shapes.map(\.shape))
    #expect(memory.layout(start: position, length: 9) == [rows])
  }

  @Test(
    arguments: [
      (["heads": 0], "heads is 0, it has to be from 1 to 16777216"),
      (["heads": 3], "3 heads do not divide a width of 8"),
      (["window": -1], "window is -1, it has to be from 0 to 16777216"),
      (["heads": 8, "rotary": 1], "rotary is true, but a head has 1 features, which are no pairs"),
      (["base": 0], "rotaryBase is 0.0, it has to be above 0 and finite"),
    ] as [([String: Int], String)])
  func settingsAreChecked(_ changes: [String: Int], _ sentence: String) {
    var settings = CausalAttention.Settings()
    settings.heads = changes["heads"] ?? 4
    settings.window = changes["window"]
    settings.rotary = changes["rotary"] != nil
    settings.rotaryBase = changes["base"].map(Double.init) ?? 100
    let error = #expect(throws: ConfigurationError.self) { try settings.validate(width: 8) }
    #expect(error?.description == sentence)
  }

  /// Heads are at most 256 wide.
  @Test func wideHeadsAreRefused() throws {
    var settings = CausalAttention.Settings()
    settings.heads = 2
    try settings.validate(width: 512)
    let error = #expect(throws: ConfigurationError.self) { try settings.validate(width: 514) }
    #expect(error?.description == "heads is 2, it has to be from 3 to 16777216")
  }

  @Test func trapsOnMoreTokensThanStreams() async {
    await #expect(processExitsWith: .failure) {
      let memory = CausalAttentionCase(width: 4, heads: 2).memory
      _ = memory.makeStreams(1).step(Tensor(shape: [2, 4], repeating: 0), at: [0])
    }
  }
}
