internal import CLMN
internal import FoundationEssentials

/// Where kernels run and on how many threads.
///
/// Results have the same bits for any number of threads.
public struct ExecutionContext: Sendable {
  /// The kernels to use.
  public let instructionSet: InstructionSet
  /// How many threads a kernel may use, at least 1.
  public let threadCount: Int
  let isa: UncheckedPointer
  /// What records the calls of kernels, where a recording is being made.
  private(set) var recording: Recording?

  /// A context of the selected instruction set and all threads this process may use, unless told
  /// otherwise.
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

  /// The context of the calling task, set for a scope by `$current.withValue`.
  @TaskLocal public static var current = ExecutionContext()

  var kernels: lmn_context { lmn_context(isa: isa.pointer, threads: threadCount) }

  /// The same context, in which calls of kernels are recorded.
  func recording(into recording: Recording) -> ExecutionContext {
    var context = self
    context.recording = recording
    return context
  }

  /// What each of `count` pieces of work has that are done at once: one thread, or all if it is the
  /// only one.
  package func forEach(of count: Int) -> ExecutionContext {
    ExecutionContext(instructionSet: instructionSet, threadCount: count == 1 ? threadCount : 1)
  }

  /// Performs 0 ..< count pieces of work, shared out over the threads, without allocating.
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

  /// The results of `body` for 0 ..< count, in order, shared out over the threads.
  ///
  /// Kernels inside `body` run on one thread each, unless there is only one call: that has all.
  public func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    guard count > 1, threadCount > 1, recording == nil else {
      return Self.$current.withValue(self) { (0..<count).map(body) }
    }
    let inner = forEach(of: count)
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
            kernels,
            { args, begin, end in
              args!.assumingMemoryBound(to: Units.self).pointee.run(begin, end)
            }, units, count, 1)
        }
      }
      initialized = count
    }
  }
}

/// Work in pieces that may be done at once.
package protocol ConcurrentWork: AnyObject, Sendable {
  /// Does one piece, with the context that ``ExecutionContext/forEach(of:)`` gives.
  func perform(_ index: Int)
}

/// A Swift closure as the arguments of a kernel.
private struct Units {
  let run: (Int, Int) -> Void
}

/// A pointer to one of the library's constant tables, which any thread may read.
struct UncheckedPointer: @unchecked Sendable {
  let pointer: OpaquePointer
}
