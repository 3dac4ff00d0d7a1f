import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

/// A linear-attention memory, or a mixture of such memories, as a test case.
struct LinearMemoryCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let width: Int
  let settings: any MemorySettings
  /// Whether a token affects the outputs of the next tokens.
  var remembers = true

  /// One memory.
  init(
    _ rule: LinearRule, width: Int = 8, heads: Int = 2, keyWidth: Int = 3, valueWidth: Int = 5,
    _ change: (inout LinearMemory.Settings) -> Void = { _ in }
  ) {
    var settings = LinearMemory.Settings()
    (settings.rule, settings.heads) = (rule, heads)
    (settings.keyWidth, settings.valueWidth) = (keyWidth, valueWidth)
    change(&settings)
    self.init(settings, width: width)
  }

  init(_ settings: any MemorySettings, width: Int, remembers: Bool = true) {
    (self.settings, self.width, self.remembers) = (settings, width, remembers)
    testDescription = "\(settings)"
  }

  /// A mixture.
  static func mixture(
    _ rule: LinearRule, memories: Int, topK: Int, shared: Bool, sharedProjections: Bool = false,
    convolution: Int = 4
  ) -> LinearMemoryCase {
    var settings = MixtureOfMemories.Settings()
    (settings.linear.rule, settings.linear.heads) = (rule, 2)
    (settings.linear.keyWidth, settings.linear.valueWidth) = (3, 5)
    settings.linear.convolution = convolution
    (settings.memories, settings.topK) = (memories, topK)
    (settings.shared, settings.sharedProjections) = (shared, sharedProjections)
    // Without a shared memory, tokens of other memories do not matter.
    return LinearMemoryCase(settings, width: 8, remembers: shared || topK == memories)
  }

  static let single =
    LinearRule.allCases.map { LinearMemoryCase($0) } + [
      LinearMemoryCase(.linear, heads: 1, keyWidth: 1, valueWidth: 2) { $0.featureMap = .elu },
      LinearMemoryCase(.delta, width: 5, keyWidth: 17, valueWidth: 2) {
        ($0.convolution, $0.outputGate) = (1, false)
      },
      LinearMemoryCase(.gatedDelta) { $0.convolution = 0 },
      LinearMemoryCase(.gatedLinear) {
        ($0.normalize, $0.convolution, $0.decayRank, $0.decayNormalizer) = (false, 0, 3, 0.5)
      },
      LinearMemoryCase(.gatedDelta, heads: 3, keyWidth: 8, valueWidth: 4) { $0.convolution = 7 },
    ]

  static let mixtures: [LinearMemoryCase] = [
    mixture(.gatedDelta, memories: 4, topK: 2, shared: true),
    mixture(.gatedLinear, memories: 3, topK: 1, shared: true),
    mixture(.linear, memories: 3, topK: 3, shared: false, convolution: 0),
    mixture(.delta, memories: 2, topK: 1, shared: false),
    mixture(.gatedLinear, memories: 3, topK: 3, shared: true, sharedProjections: true),
    mixture(.gatedDelta, memories: 1, topK: 1, shared: false, convolution: 1),
  ]

  /// The memory with random parameters.
  var memory: any Memory {
    var source = ParameterSource(seed: 3)
    return settings.makeMemory(width: width, using: &source)
  }

  /// Outputs are close within 1e-4 of the largest one, as golden files have to be: the norm of a
  /// head divides by its output, which amplifies rounding where that is small.
  func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    let remembers = remembers
    return MemoryChecks(
      memory: memory, width: width, tolerance: instructionSet == .reference ? 2e-5 : 1e-4,
      seed: 5, chunk: 8, remembers: { $0 == $1 || remembers && $1 - $0 < 4 })
  }
}

@Suite struct LinearMemoryTests {
  static let cases = LinearMemoryCase.single + LinearMemoryCase.mixtures

  @Test(arguments: InstructionSet.available, cases)
  func keepsEverything(_ instructionSet: InstructionSet, _ example: LinearMemoryCase) {
    let checks = example.checks(on: instructionSet)
    checks.expectEqualForms(on: instructionSet)
    computing(on: instructionSet) { checks.expectGradientsToFlowThroughStates() }
  }

  /// The choice of memories has no gradient: here every token is routed to all of them.
  ///
  /// The norm of a head's output has a large curvature where the output is small, so the step is
  /// small.
  @Test(
    arguments: LinearMemoryCase.single
      + [
        .mixture(.gatedDelta, memories: 3, topK: 3, shared: true),
        .mixture(.gatedLinear, memories: 2, topK: 2, shared: false, sharedProjections: true),
      ])
  func gradientsAreSlopes(_ example: LinearMemoryCase) {
    computing(on: .reference) {
      example.checks(on: .reference).expectGradientsToBeSlopes(step: 1 / 1024)
    }
  }

  /// The state has a fixed size, which `stateShapes` gives.
  @Test(arguments: cases)
  func statesHaveTheirShapes(_ example: LinearMemoryCase) {
    let memory = example.memory
    var state = memory.initialState
    var pass = Pass(length: 9)
    _ = memory(Variable(constant: .random([9, example.width], seed: 1)), after: &state, &pass)
    for position in [0, 9, 1 << 30] {
      let expected = memory.stateShapes(at: position)
      #expect(state.shapes.map(\.name) == expected.map(\.name))
      #expect(state.shapes.map(\.shape) == expected.map(\.shape))
    }
  }

  @Test func ratesAndBiasesOfDecaysTakeNoWeightDecay() {
    let memory = LinearMemoryCase(.gatedDelta).memory
    let undecayed = zip(memory.stateDictionary.names, memory.parameterTraits).filter { !$1.decays }
    #expect(undecayed.map(\.0) == ["A_log", "dt_bias"])
  }

  /// Published initialisation: rates below 16, step sizes from 0.001 to 0.1.
  @Test func decaysBeginInTheirRanges() {
    var source = ParameterSource(seed: 1)
    var settings = LinearMemory.Settings()
    settings.heads = 200
    let memory = LinearMemory(width: 4, settings, using: &source)
    let rates = memory.stateDictionary["A_log"]!.scalars
    let biases = memory.stateDictionary["dt_bias"]!.scalars.map { Double($0) }
    #expect(rates.allSatisfy { $0.isFinite && $0 < 2.7726 && $0 > -7 })
    #expect(rates.max()! > 2.7)
    let steps = biases.map { log1p(exp($0)) }
    #expect(steps.allSatisfy { $0 > 0.000_99 && $0 < 0.1001 })
    #expect(steps.min()! < 0.0015 && steps.max()! > 0.07)
  }

  /// A million tokens keep the state bounded and finite, also without decay.
  @Test(arguments: [LinearRule.delta, .gatedDelta])
  func statesStayBoundedOverAMillionTokens(_ rule: LinearRule) {
    let example = LinearMemoryCase(rule, width: 4, heads: 1, keyWidth: 4, valueWidth: 4)
    let memory = example.memory
    var state = memory.initialState
    var values = SeededValues(seed: 1)
    let chunk = Tensor.random([10_000, 4], using: &values)
    for index in 0..<100 {
      var pass = Pass(start: index * 10_000, length: 10_000)
      _ = memory(Variable(constant: chunk), after: &state, &pass)
    }
    // With normalised keys and step sizes below 1, a value is at most that of the errors' sum.
    #expect(state.isFinite)
    #expect(state["S"].value.scalars.allSatisfy { abs($0) < 100 })
  }
}
