import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct StateSpaceTests {
  /// Inputs of a model: tokens, the four parameters of the discretization, skip and states before.
  private static func inputs(length: Int, width: Int, states: Int) -> [Tensor] {
    [
      .random([length, width], seed: 1), Tensor.random([width], seed: 2).scaled(by: 0.5),
      Tensor.random([width, states], seed: 3).scaled(by: 0.5),
      Tensor.random([width, states], seed: 4), .random([width, states, 2], seed: 5),
      .random([width], seed: 6), .random([2 * states, width], seed: 7),
    ]
  }

  /// The states after the tokens, then s, of a discretized model.
  private static func results(_ inputs: [Variable]) -> Variable {
    let coefficients = Variable.discretized(
      logStep: inputs[1], logDecay: inputs[2], frequency: inputs[3], output: inputs[4])
    let (s, states) = inputs[0].stateSpace(
      coefficients: coefficients, skip: inputs[5], after: inputs[6])
    return .concatenatingRows([states, s])
  }

  @Test(arguments: [[1, 1, 1], [2, 3, 4], [9, 5, 6], [67, 4, 5], [130, 17, 2]])
  func gradients(_ size: [Int]) {
    expectGradients(
      of: Self.results, at: Self.inputs(length: size[0], width: size[1], states: size[2]))
  }

  /// The states alone, and s alone.
  @Test(arguments: [0..<6, 6..<15])
  func gradientsOfEitherResult(_ rows: Range<Int>) {
    expectGradients(
      of: { Self.results($0).rows(rows) }, at: Self.inputs(length: 9, width: 4, states: 3))
  }

  /// Steps and frequencies of several turns, and small ones, for which the discretization has a
  /// formula of its own.
  @Test(arguments: [(0, 3), (0, 0.1), (-6, 1)] as [(Float, Float)])
  func gradientsOfTheDiscretization(logStep: Float, frequency: Float) {
    let logSteps = Tensor.random([3], seed: 1).scalars.map { $0 + logStep }
    expectGradients(
      of: { .discretized(logStep: $0[0], logDecay: $0[1], frequency: $0[2], output: $0[3]) },
      at: [
        Tensor(shape: [3], scalars: logSteps), .random([3, 5], seed: 2),
        Tensor.random([3, 5], seed: 3).scaled(by: frequency), .random([3, 5, 2], seed: 4),
      ])
  }

  @Test(arguments: InstructionSet.available)
  func isRecorded(_ instructionSet: InstructionSet) {
    expectSameGradientsRecorded(
      of: Self.results, at: Self.inputs(length: 70, width: 5, states: 6), on: instructionSet)
  }
}
