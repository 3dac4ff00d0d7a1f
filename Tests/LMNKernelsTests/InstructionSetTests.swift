import CLMN
import Foundation
import LMNKernels
import Testing

@Suite struct InstructionSetTests {
  @Test func availableSetsAreKnownBestFirst() {
    let names = InstructionSet.available.map(\.name)
    let ladder = ["avx512", "avx2", "neon", "reference"]
    #expect(names == ladder.filter(names.contains))
    #expect(names.last == "reference")
    #expect(InstructionSet.reference == InstructionSet.available.last)
  }

  @Test(arguments: InstructionSet.available)
  func isFoundByItsName(_ instructionSet: InstructionSet) throws {
    #expect(InstructionSet(named: instructionSet.name) == instructionSet)
    let found = try #require(lmn_isa_named(instructionSet.name))
    #expect(String(cString: lmn_isa_name(found)) == instructionSet.description)
  }

  @Test(arguments: ["", "AVX2", "sse", "reference "])
  func otherNamesAreNone(_ name: String) {
    #expect(InstructionSet(named: name) == nil)
    #expect(lmn_isa_named(name) == nil)
  }

  @Test func isNilAfterTheLast() {
    #expect(lmn_isa_available(InstructionSet.available.count) == nil)
  }

  // The environment belongs to the process, so each of these runs in its own.

  @Test func environmentSelects() async {
    await #expect(processExitsWith: .success) {
      setenv("LMN_ISA", "reference", 1)
      #expect(InstructionSet.selected == .reference)
      #expect(ExecutionContext().instructionSet == .reference)
    }
  }

  @Test func bestIsSelectedWithoutEnvironment() async {
    await #expect(processExitsWith: .success) {
      unsetenv("LMN_ISA")
      #expect(InstructionSet.selected == InstructionSet.available[0])
    }
  }

  @Test func unknownNameSelectsNone() async {
    await #expect(processExitsWith: .success) {
      setenv("LMN_ISA", "mmx", 1)
      #expect(lmn_isa_selected() == nil)
      #expect(InstructionSet.selected == nil)
    }
    await #expect(processExitsWith: .failure) {
      setenv("LMN_ISA", "mmx", 1)
      _ = ExecutionContext()
    }
  }

  @Test func describesTheBLAS() {
    #if OpenBLAS
      #expect(blasDescription.contains("OpenBLAS"))
    #else
      #expect(blasDescription == "none")
    #endif
  }
}
