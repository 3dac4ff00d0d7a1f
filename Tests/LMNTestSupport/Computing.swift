public import LMNKernels

/// Runs the kernels of `body` on an instruction set and a number of threads.
///
/// - Parameters:
///   - instructionSet: Instruction set; nil for the selected one.
///   - threads: Number of threads.
///   - body: The computation.
/// - Returns: Result of `body`.
public func computing<Result>(
  on instructionSet: InstructionSet? = nil, threads: Int = 1, _ body: () throws -> Result
) rethrows -> Result {
  let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
  return try ExecutionContext.$current.withValue(context, operation: body)
}
