import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@Suite struct DiagonalStateSpaceTests {
  private static let width = 6

  private func memory(stateWidth: Int = 10) -> DiagonalStateSpace {
    var source = ParameterSource(seed: 1)
    return DiagonalStateSpace(
      width: Self.width, .init(stateWidth: stateWidth), using: &source)
  }

  /// Checks with a bound of the rounding of states.
  ///
  /// They have four roundings per token in either form and add up all 133 tokens of the checks; both
  /// forms share the rest. Initial weights have a sum of magnitudes below 4 times the largest
  /// output, for which 16 is generous.
  private func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    MemoryChecks(
      memory: memory(), width: Self.width, tolerance: 16 * Rounding.error(4 * 133), seed: 2,
      chunk: 64, remembers: { $1 - $0 < 20 })
  }

  @Test(arguments: InstructionSet.available)
  func keepsEverything(_ instructionSet: InstructionSet) {
    let checks = checks(on: instructionSet)
    checks.expectEqualForms(on: instructionSet)
    computing(on: instructionSet) { checks.expectGradientsToFlowThroughStates() }
  }

  @Test func gradientsAreSlopes() {
    computing(on: .reference) { checks(on: .reference).expectGradientsToBeSlopes() }
  }

  /// Output and state at every token follow the equations of the continuous model, in double
  /// precision.
  @Test(arguments: InstructionSet.available)
  func followsItsEquations(_ instructionSet: InstructionSet) {
    let memory = memory()
    let (E, P, L) = (Self.width, 5, 40)
    let tokens = Tensor.random([L, E], seed: 3)
    var state = memory.initialState
    let found = computing(on: instructionSet) {
      var pass = Pass(length: L)
      return memory(Variable(constant: tokens), after: &state, &pass).value
    }
    let (logStep, skip) = (memory.logStep.value.doubles, memory.skip.value.doubles)
    let (decay, turn) = (memory.logDecay.value.doubles, memory.frequency.value.doubles)
    let C = memory.weight.value.doubles
    var h = [(re: Double, im: Double)](repeating: (0, 0), count: E * P)
    var gelus: [Float] = []
    for t in 0..<L {
      for e in 0..<E {
        let (y, step) = (tokens.doubles[t * E + e], exp(logStep[e]))
        var s = skip[e] * y
        for i in e * P..<(e + 1) * P {
          let A = (re: -exp(decay[i]), im: turn[i])
          let size = exp(step * A.re)
          let a = (re: size * cos(step * A.im), im: size * sin(step * A.im))
          let square = A.re * A.re + A.im * A.im
          let b = (
            re: ((a.re - 1) * A.re + a.im * A.im) / square,
            im: (a.im * A.re - (a.re - 1) * A.im) / square
          )
          h[i] = (
            a.re * h[i].re - a.im * h[i].im + b.re * y, a.re * h[i].im + a.im * h[i].re + b.im * y
          )
          s += 2 * (C[2 * i] * h[i].re - C[2 * i + 1] * h[i].im)
        }
        gelus.append(Float(s * (1 + erf(s / 2.0.squareRoot())) / 2))
      }
    }
    let mapped = computing(on: .reference) {
      memory.output(Variable(constant: Tensor(shape: [L, E], scalars: gelus))).value.doubles
    }
    let expected = (0..<L * E).map { index in
      let (t, e) = (index / E, index % E)
      return Float(mapped[t * 2 * E + e] / (1 + exp(-mapped[t * 2 * E + E + e])))
    }
    let largest = expected.reduce(0) { max($0, Double(abs($1))) }
    expectClose(
      found.scalars, expected, within: expected.map { _ in 16 * Rounding.error(4 * L) * largest },
      "outputs")
    #expect(state["state"].value.shape == [E, P, 2])
  }

  /// S4D-Lin.
  @Test func beginsAsPublished() {
    var source = ParameterSource(seed: 1)
    let memory = DiagonalStateSpace(width: 512, .init(), using: &source)
    let parameters = memory.stateDictionary
    #expect(
      parameters.names == [
        "log_dt", "D", "log_A_real", "A_imag", "C", "out_proj.weight", "out_proj.bias",
      ])
    #expect(
      parameters.tensors.map(\.shape) == [
        [512], [512], [512, 32], [512, 32], [512, 32, 2], [1024, 512], [1024],
      ])
    let steps = memory.logStep.value.doubles.map(exp)
    #expect(steps.allSatisfy { (0.000999...0.1001).contains($0) })
    #expect(abs(Double(steps.filter { $0 < 0.01 }.count) / 512 - 0.5) < 0.1)
    #expect(memory.logDecay.value.doubles.allSatisfy { abs(exp($0) - 0.5) < 1e-7 })
    for (index, frequency) in memory.frequency.value.doubles.enumerated() {
      #expect(abs(frequency - .pi * Double(index % 32)) < 1e-5)
    }
    let squares = memory.weight.value.doubles.reduce(0) { $0 + $1 * $1 }
    #expect(abs(squares / (512 * 32) - 1) < 0.05)
  }

  /// Weight decay does not apply to step and transition.
  @Test func decaysWeightsOnly() {
    let names = memory().stateDictionary.names
    let still = zip(names, memory().parameterTraits).filter { !$0.1.decays }.map(\.0)
    #expect(still == ["log_dt", "log_A_real", "A_imag"])
  }

  @Test(arguments: [
    (0, "stateWidth is 0, it has to be from 2 to 4096"),
    (7, "stateWidth is 7, it has to be even"),
    (4098, "stateWidth is 4098, it has to be from 2 to 4096"),
  ])
  func refusesStateWidths(_ stateWidth: Int, sentence: String) {
    let settings = DiagonalStateSpace.Settings(stateWidth: stateWidth)
    let error = #expect(throws: ConfigurationError.self) { try settings.validate(width: 8) }
    #expect(error?.description == sentence)
  }
}
