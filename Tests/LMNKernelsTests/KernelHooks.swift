import CKernelTable
import CLMN
import LMNKernels
import Testing

extension KernelCall {
  /// By name, the most units that the call gives at once to each kernel that it dispatches.
  var units: [String: Int] {
    let notes = Notes()
    let context = lmn_context(
      isa: lmn_isa_hooked(
        InstructionSet.reference.context().isa,
        { notes, index, kernel, arguments, begin, end in
          let name = String(cString: lmn_kernel_name(index))
          Unmanaged<Notes>.fromOpaque(notes!).takeUnretainedValue().add(end - begin, name)
          kernel!(arguments, begin, end)
        }, Unmanaged.passUnretained(notes).toOpaque()), threads: 1)
    withExtendedLifetime(notes) { _ = results(in: context) }
    return notes.units
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

private final class Notes {
  var units: [String: Int] = [:]

  func add(_ count: Int, _ name: String) { units[name] = max(count, units[name] ?? 0) }
}
