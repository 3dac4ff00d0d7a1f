import CKernelTable
import CLMN
import LMNKernels
import Testing

extension KernelCall {
  /// By name, the most units that the call gives at once to each kernel that it dispatches.
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

  /// The results when every kernel's units are shared out over threads, however small they are.
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
