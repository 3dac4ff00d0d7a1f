internal import CLMN

/// Recorded computation: its kernel calls and their memory, for repeated runs without allocation.
///
/// Recording runs the computation once. Every later run makes the same kernel calls on the same
/// memory, and does nothing else: values from outside are constants, unless their owner overwrites
/// them between runs. Reading a recorded value while recording traps.
/// `@unchecked` because it holds pointers. It changes only while it is made, and its owner runs it
/// on one thread at a time.
public final class Recording: @unchecked Sendable {
  typealias Call = (lmn_context) -> Void

  /// A call; in an array, bare functions would be called through a thunk.
  private struct Entry { let call: Call }

  /// Memory of intermediate values, possibly shared with other recordings.
  private let memory: ArenaMemory
  let arena: Arena
  /// Memory of values derived from constants: they outlive a run, so they share no memory with
  /// intermediate values.
  private let derivedArena = Arena()
  private var calls: [Entry] = []
  private var derivations: [Entry] = []
  private var isDeriving = false
  private var kept: [AnyObject] = []
  /// Copies of the arguments of the calls.
  private var arguments: [UnsafeMutableRawPointer] = []

  /// Runs `body` in `context` and records it.
  ///
  /// - Parameters:
  ///   - context: Context of the computation.
  ///   - other: Recording whose memory for intermediate values is reused: results of either are
  ///     valid until the other runs. Derived constants, such as transposed weights, are not part of
  ///     that memory.
  ///   - body: The computation.
  public init(
    in context: ExecutionContext, sharingMemoryWith other: Recording? = nil, of body: () -> Void
  ) {
    memory = other?.memory ?? ArenaMemory()
    arena = Arena(memory)
    ExecutionContext.$current.withValue(context.recording(into: self), operation: body)
    arena.finish()
    derivedArena.finish()
  }

  deinit { for copy in arguments { copy.deallocate() } }

  /// Recomputes values derived from constants, such as transposed weights; to be called after
  /// constants were overwritten.
  public func derive(in context: ExecutionContext) {
    run(derivations, in: context)
  }

  /// Repeats the recorded calls.
  public func run(in context: ExecutionContext) {
    run(calls, in: context)
  }

  /// Runs calls in order: by index, since iterators allocate in debug builds, and in a buffer,
  /// since an array retains every function.
  private func run(_ calls: [Entry], in context: ExecutionContext) {
    calls.withUnsafeBufferPointer { calls in
      for index in 0..<calls.count { calls[index].call(context.kernels) }
    }
  }

  /// Whether ``derive(in:)`` makes any calls.
  package var derivesConstants: Bool { !derivations.isEmpty }

  /// Bytes of memory for intermediate values.
  public var byteCount: Int { arena.byteCount }

  /// Bytes that a run uses for intermediate values, the most of all recordings that share the
  /// memory.
  package var usedByteCount: Int { arena.usedByteCount }
  /// Bytes that are this recording's alone: values derived from constants, and the calls.
  package var ownByteCount: Int { derivedArena.usedByteCount + callByteCount }
  /// Bytes of the calls: per call its arguments, and about 192 of its function, of references to its
  /// operands and of the allocator.
  private var callByteCount: Int { argumentByteCount + 192 * (calls.count + derivations.count) }
  private var argumentByteCount = 0

  /// Arena of the results of kernels.
  var arenaOfResults: Arena { isDeriving ? derivedArena : arena }

  fileprivate func append<Arguments: BitwiseCopyable>(
    _ function: @escaping (lmn_context, UnsafePointer<Arguments>?) -> Void, _ arguments: Arguments
  ) {
    let copy = UnsafeMutablePointer<Arguments>.allocate(capacity: 1)
    copy.initialize(to: arguments)
    self.arguments.append(UnsafeMutableRawPointer(copy))
    argumentByteCount += MemoryLayout<Arguments>.size
    append { kernels in function(kernels, copy) }
  }

  fileprivate func append(_ call: @escaping Call) {
    if isDeriving { derivations.append(Entry(call: call)) } else { calls.append(Entry(call: call)) }
  }

  /// Retains memory to which the arguments of a call point.
  fileprivate func keep(_ operand: some KernelOperand) { kept += operand.kept(beside: arena) }

  /// Records the calls of `body` as derivations from constants.
  func deriving<R>(_ body: () -> R) -> R {
    isDeriving = true
    defer { isDeriving = false }
    return body()
  }
}

/// Memory to which the arguments of a kernel point.
protocol KernelOperand {
  /// Objects that a recording with this arena retains: all memory outside the arena.
  func kept(beside arena: Arena) -> [AnyObject]
}

extension Optional: KernelOperand where Wrapped: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { map { $0.kept(beside: arena) } ?? [] }
}

extension Array: KernelOperand where Element: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { flatMap { $0.kept(beside: arena) } }
}

extension ExecutionContext {
  /// Calls a function of CLMN and adds the call to the current recording, if any.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - arguments: Its arguments.
  ///   - operands: Everything to which the arguments point.
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

  /// Calls `body`, which calls functions of CLMN depending on its state, and adds it to the current
  /// recording, if any.
  func run<each Operand: KernelOperand>(
    on operands: repeat each Operand, body: @escaping Recording.Call
  ) {
    withExtendedLifetime((repeat each operands)) { body(kernels) }
    guard let recording else { return }
    recording.append(body)
    for operand in repeat each operands { recording.keep(operand) }
  }
}
