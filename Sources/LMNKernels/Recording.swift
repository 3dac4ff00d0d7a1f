internal import CLMN

/// A computation that can be repeated: the calls of kernels that it made, and the memory they
/// worked in.
///
/// Recording runs the computation once. Every later run makes the same calls on the same memory,
/// so it allocates nothing and costs only what the kernels cost. What was no call of a kernel is not
/// repeated: values that came from outside are constants, unless their owner overwrites them
/// between two runs, and reading a recorded value while recording is a mistake that traps.
///
/// Unchecked because of the pointers: only making it changes it, and its owner sees to it that one
/// thread at a time runs it.
public final class Recording: @unchecked Sendable {
  typealias Call = (lmn_context) -> Void

  /// A call; in an array, bare functions would go through a thunk each time.
  private struct Entry { let call: Call }

  /// For values in between, perhaps of other recordings too.
  private let memory: ArenaMemory
  let arena: Arena
  /// For what is derived from constants, in the order of use: it must not share memory with what
  /// comes and goes in every run.
  private let derivedArena = Arena()
  private var calls: [Entry] = []
  private var derivations: [Entry] = []
  private var isDeriving = false
  private var kept: [AnyObject] = []
  /// Copies of what the calls were given.
  private var arguments: [UnsafeMutableRawPointer] = []

  /// Runs `body` in `context` and records it.
  ///
  /// - Parameters:
  ///   - context: The context to record in.
  ///   - other: A recording whose memory for intermediate values is used again: results of either
  ///     are valid until the other runs. Derived constants, such as transposed weights, are not part
  ///     of that memory.
  ///   - body: The computation.
  public init(
    in context: ExecutionContext, sharingMemoryWith other: Recording? = nil, of body: () -> Void
  ) {
    memory = other?.memory ?? ArenaMemory()
    arena = Arena(memory)
    ExecutionContext.$current.withValue(context.recording(into: self), operation: body)
  }

  deinit { for copy in arguments { copy.deallocate() } }

  /// Brings up to date what only depends on constants, such as a weight's transposed form: to be
  /// called when their owner has overwritten some.
  public func derive(in context: ExecutionContext) {
    run(derivations, in: context)
  }

  /// Makes the recorded calls again.
  public func run(in context: ExecutionContext) {
    run(calls, in: context)
  }

  /// By index, since iterators allocate where nothing is optimized, and out of a buffer, since an array
  /// has each function retained.
  private func run(_ calls: [Entry], in context: ExecutionContext) {
    calls.withUnsafeBufferPointer { calls in
      for index in 0..<calls.count { calls[index].call(context.kernels) }
    }
  }

  /// Whether there are calls that ``derive(in:)`` makes.
  package var derivesConstants: Bool { !derivations.isEmpty }

  /// Bytes of memory for intermediate values.
  public var byteCount: Int { arena.byteCount }

  /// Where results of kernels go.
  var arenaOfResults: Arena { isDeriving ? derivedArena : arena }

  fileprivate func append<Arguments: BitwiseCopyable>(
    _ function: @escaping (lmn_context, UnsafePointer<Arguments>?) -> Void, _ arguments: Arguments
  ) {
    let copy = UnsafeMutablePointer<Arguments>.allocate(capacity: 1)
    copy.initialize(to: arguments)
    self.arguments.append(UnsafeMutableRawPointer(copy))
    append { kernels in function(kernels, copy) }
  }

  fileprivate func append(_ call: @escaping Call) {
    if isDeriving { derivations.append(Entry(call: call)) } else { calls.append(Entry(call: call)) }
  }

  /// Keeps what calls point to.
  fileprivate func keep(_ operand: some KernelOperand) { kept += operand.kept(beside: arena) }

  /// Records what `body` does as derived from constants.
  func deriving<R>(_ body: () -> R) -> R {
    isDeriving = true
    defer { isDeriving = false }
    return body()
  }
}

/// What a kernel's arguments point to.
protocol KernelOperand {
  /// The memory that a recording with this arena has to keep: all but its own.
  func kept(beside arena: Arena) -> [AnyObject]
}

extension Optional: KernelOperand where Wrapped: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { map { $0.kept(beside: arena) } ?? [] }
}

extension Array: KernelOperand where Element: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { flatMap { $0.kept(beside: arena) } }
}

extension ExecutionContext {
  /// Calls a function of CLMN, and records the call while a recording is being made.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - arguments: Its arguments.
  ///   - operands: Everything that the arguments point to.
  func run<Arguments: BitwiseCopyable, each Operand: KernelOperand>(
    _ function: @escaping (lmn_context, UnsafePointer<Arguments>?) -> Void,
    _ arguments: Arguments, on operands: repeat each Operand
  ) {
    withExtendedLifetime((repeat each operands)) {
      withUnsafePointer(to: arguments) { function(kernels, $0) }
    }
    guard let recording else { return }
    recording.append(function, arguments)
    for operand in repeat each operands { recording.keep(operand) }
  }

  /// Calls `body`, which calls functions of CLMN as its state asks for, and records the call while a
  /// recording is being made.
  func run<each Operand: KernelOperand>(
    on operands: repeat each Operand, body: @escaping Recording.Call
  ) {
    withExtendedLifetime((repeat each operands)) { body(kernels) }
    guard let recording else { return }
    recording.append(body)
    for operand in repeat each operands { recording.keep(operand) }
  }
}
