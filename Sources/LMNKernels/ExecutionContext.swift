internal import CLMN
internal import FoundationEssentials

/// Instruction set and number of threads of kernels.
///
/// Results have the same bits for any number of threads.
public struct ExecutionContext: Sendable {
  /// Instruction set of the kernels.
  public let instructionSet: InstructionSet
  /// Largest number of threads of a kernel, at least 1.
  public let threadCount: Int
  let isa: UncheckedPointer
  /// Recording to which kernel calls are added; nil for none.
  private(set) var recording: Recording?

  /// Creates a context, by default with ``InstructionSet/selected`` and all available threads.
  ///
  /// - Precondition: `threadCount` is positive; `LMN_ISA` names an available set or is not set.
  public init(instructionSet: InstructionSet? = nil, threadCount: Int? = nil) {
    guard let instructionSet = instructionSet ?? .selected else {
      preconditionFailure(
        "LMN_ISA=\(ProcessInfo.processInfo.environment["LMN_ISA"] ?? "") is none of "
          + "\(InstructionSet.available)")
    }
    let threadCount = threadCount ?? .availableThreads
    precondition(threadCount > 0, "ExecutionContext: \(threadCount) threads")
    self.instructionSet = instructionSet
    self.threadCount = threadCount
    isa = UncheckedPointer(pointer: instructionSet.pointer)
  }

  /// Context of the calling task, set for a scope by `$current.withValue`.
  @TaskLocal public static var current = ExecutionContext()

  var kernels: lmn_context { lmn_context(isa: isa.pointer, threads: threadCount) }

  /// Copy of this context that adds kernel calls to `recording`.
  func recording(into recording: Recording) -> ExecutionContext {
    var context = self
    context.recording = recording
    return context
  }

  /// Context of each of `count` concurrent pieces of work: one thread, or all threads if `count` is
  /// 1.
  package func forEach(of count: Int) -> ExecutionContext {
    ExecutionContext(instructionSet: instructionSet, threadCount: count == 1 ? threadCount : 1)
  }

  /// Performs pieces 0 ..< `count` of `work`, distributed over the threads; allocates nothing.
  package func perform(_ work: any ConcurrentWork, count: Int) {
    withUnsafePointer(to: work) { work in
      lmn_parallel_for(
        kernels,
        { work, begin, end in
          let work = work!.assumingMemoryBound(to: (any ConcurrentWork).self).pointee
          for index in begin..<end { work.perform(index) }
        }, work, count, 1)
    }
  }

  /// Results of `body` for 0 ..< `count`, in order, distributed over the threads.
  ///
  /// Kernels inside `body` use one thread, or all threads if `count` is 1 or a recording is made.
  public func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    let inner = recording == nil ? forEach(of: count) : self
    let threads = recording == nil ? threadCount : 1
    return [Result](unsafeUninitializedCapacity: count) { results, initialized in
      let base = results.baseAddress!
      let run = { (begin: Int, end: Int) in
        Self.$current.withValue(inner) {
          for index in begin..<end { (base + index).initialize(to: body(index)) }
        }
      }
      withoutActuallyEscaping(run) { run in
        withUnsafePointer(to: Units(run: run)) { units in
          lmn_parallel_for(
            lmn_context(isa: isa.pointer, threads: threads),
            { args, begin, end in
              args!.assumingMemoryBound(to: Units.self).pointee.run(begin, end)
            }, units, count, 1)
        }
      }
      initialized = count
    }
  }
}

/// Work in independent pieces, which may be performed concurrently.
package protocol ConcurrentWork: AnyObject, Sendable {
  /// Performs one piece, in the context of ``ExecutionContext/forEach(of:)``.
  func perform(_ index: Int)
}

/// Closure passed as the arguments of a kernel.
private struct Units {
  let run: (Int, Int) -> Void
}

/// Pointer to a constant table of CLMN, which any thread may read.
struct UncheckedPointer: @unchecked Sendable {
  let pointer: OpaquePointer
}
