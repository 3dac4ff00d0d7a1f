public import LMNAutodiff
public import LMNKernels
public import Testing

/// Expects a recording of an operation's value and gradients, and repeated runs of it, to give the
/// bits of a direct call, whatever the memory held before.
///
/// - Parameters:
///   - operation: Operation on variables with the values of `inputs`.
///   - inputs: Inputs, all of them used.
///   - instructionSet: Instruction set of the kernels.
///   - seed: Random seed of the cotangent.
///   - sourceLocation: Source location of failures.
public func expectSameGradientsRecorded(
  of operation: ([Variable]) -> Variable, at inputs: [Tensor], on instructionSet: InstructionSet,
  seed: UInt64 = 1, sourceLocation: SourceLocation = #_sourceLocation
) {
  let context = ExecutionContext(instructionSet: instructionSet, threadCount: 1)
  ExecutionContext.$current.withValue(context) {
    let shape = operation(inputs.map(Variable.init(constant:))).value.shape
    let cotangent = Tensor.random(shape, seed: seed)
    func results() -> [Tensor?] {
      let parameters = inputs.map(Variable.init(parameter:))
      let result = operation(parameters)
      let gradients = result.gradients(cotangent: cotangent)
      return [result.value] + parameters.map { gradients[$0] }
    }
    let called = results()
    let poison = called.compactMap { $0 }.map { Tensor(shape: $0.shape, repeating: .nan) }
    var recorded: [Tensor?] = []
    let recording = Recording(in: context) {
      // Held together, then released, so that several free blocks of each size hold NaN or other
      // results.
      _ = (0..<4).map { _ in poison.map { $0.adding($0) } }
      recorded = results()
    }
    for run in 1...3 {
      for index in called.indices {
        #expect(
          recorded[index] == called[index] && called[index] != nil,
          "result \(index) of run \(run) on \(instructionSet)", sourceLocation: sourceLocation)
      }
      recording.run(in: context)
    }
  }
}
