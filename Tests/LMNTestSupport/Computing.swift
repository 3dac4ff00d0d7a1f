public import LMNKernels

/// Runs the kernels of `body` on these instructions and as many threads.
///
/// - Parameters:
///   - instructionSet: Which kernels; by default those that this process would use.
///   - threads: How many threads.
///   - body: The computation.
/// - Returns: What `body` gives.
public func computing<Result>(
  on instructionSet: InstructionSet? = nil, threads: Int = 1, _ body: () throws -> Result
) rethrows -> Result {
  let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
  return try ExecutionContext.$current.withValue(context, operation: body)
}
