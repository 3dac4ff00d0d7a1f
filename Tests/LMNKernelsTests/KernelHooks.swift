import CKernelTable
import CLMN
import LMNKernels
import LMNTestSupport
import Testing

extension KernelCall {
  /// Largest number of units that the call passes at once to each kernel, by name.
  var units: [String: Int] {
    var units: [String: Int] = [:]
    withUnsafeMutablePointer(to: &units) { units in
      let isa = lmn_isa_hooked(
        InstructionSet.reference.context().isa,
        { units, index, kernel, arguments, begin, end in
          let units = units!.assumingMemoryBound(to: [String: Int].self)
          let name = String(cString: lmn_kernel_name(index))
          units.pointee[name] = max(units.pointee[name] ?? 0, end - begin)
          kernel!(arguments, begin, end)
        }, units)
      _ = results(in: lmn_context(isa: isa, threads: 1))
    }
    return units
  }

  /// Expects the units of every kernel that the call dispatches to write disjoint elements, and to
  /// give the same bits one at a time, from the last to the first, as in one range.
  ///
  /// Units that overlap may give the right results on one thread and race on several.
  func expectUnitsToOwnWhatTheyWrite(
    on instructionSet: InstructionSet, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let watch = UnitWatch()
    _ = GuardedArguments.results(sourceLocation: sourceLocation) { arguments in
      watch.arguments = arguments
      let isa = lmn_isa_hooked(
        instructionSet.context().isa,
        { watch, index, kernel, arguments, begin, end in
          Unmanaged<UnitWatch>.fromOpaque(watch!).takeUnretainedValue().run(
            String(cString: lmn_kernel_name(index)), begin..<end
          ) { kernel!(arguments, $0.lowerBound, $0.upperBound) }
        }, Unmanaged.passUnretained(watch).toOpaque())
      function(lmn_context(isa: isa, threads: 1), arguments, inputs)
    }
    #expect(watch.mistakes == [], sourceLocation: sourceLocation)
  }

  /// Results with the units of every kernel distributed over threads, even if there is little work.
  func resultsOfSharedKernels(
    on instructionSet: InstructionSet, threads: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> [[Float]] {
    var inner = instructionSet.context(threads: threads)
    return withUnsafeMutablePointer(to: &inner) { inner in
      let isa = lmn_isa_hooked(
        inner.pointee.isa,
        { inner, _, kernel, arguments, _, count in
          let context = inner!.assumingMemoryBound(to: lmn_context.self).pointee
          lmn_parallel_for(context, kernel, arguments, count, 1)
        }, inner)
      return results(
        in: lmn_context(isa: isa, threads: 1), sourceLocation: sourceLocation)
    }
  }
}

/// Runs a kernel's units separately and compares the elements that they write.
private final class UnitWatch {
  var arguments: GuardedArguments?
  private(set) var mistakes: Set<String> = []

  func run(_ name: String, _ units: Range<Int>, kernel: (Range<Int>) -> Void) {
    guard let arguments, units.count > 1 else { return kernel(units) }
    let before = arguments.resultBits
    var owners = before.map { [Int](repeating: -1, count: $0.count) }
    for unit in watched(units) {
      kernel(unit..<unit + 1)
      let after = arguments.resultBits
      for array in before.indices where before[array] != after[array] {
        for index in before[array].indices where before[array][index] != after[array][index] {
          if owners[array][index] >= 0 {
            mistakes.insert(
              "\(name): units \(owners[array][index]) and \(unit) write output \(array)")
          }
          owners[array][index] = unit
        }
      }
      arguments.resultBits = before
    }
    for unit in units.reversed() { kernel(unit..<unit + 1) }
    let oneByOne = arguments.resultBits
    arguments.resultBits = before
    kernel(units)
    if arguments.resultBits != oneByOne { mistakes.insert("\(name): units depend on each other") }
  }

  /// All units; of more than twelve, neighbours at the beginning, in the middle and at the end.
  private func watched(_ units: Range<Int>) -> [Int] {
    guard units.count > 12 else { return Array(units) }
    let middle = units.lowerBound + units.count / 2
    return Array(units.prefix(4)) + Array(middle..<middle + 3) + Array(units.suffix(3))
  }
}
