import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

/// A user-defined memory passes the checks for every memory.
@Suite struct MovingAverageTests {
  private static let width = 6

  private func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    var source = ParameterSource(seed: 1)
    let memory = MovingAverage.Settings().makeMemory(width: Self.width, using: &source)
    // A sum of a hundred terms in one form is a hundred sums in the other.
    return MemoryChecks(
      memory: memory, width: Self.width, tolerance: 2 * Rounding.error(100 + Self.width),
      seed: 2, chunk: 8,
      // An average decays by half per token.
      remembers: { $1 - $0 < 20 })
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

  @Test func settingsAreCodedByTheirKind() throws {
    let known = MemoryConfiguration.known + [MovingAverage.Settings.self as any MemorySettings.Type]
    #expect(MemoryConfiguration(kind: "movingAverage") == nil)
    MemoryConfiguration.$known.withValue(known) {
      let configuration = MemoryConfiguration(kind: "movingAverage")
      #expect(configuration == MemoryConfiguration(MovingAverage.Settings()))
      #expect(configuration != MemoryConfiguration(LogarithmicMemory.Settings()))
    }
  }
}
