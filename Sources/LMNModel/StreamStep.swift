internal import LMNKernels

/// What a model does to take its streams a step further.
struct StreamStep<Inputs: Sendable>: Sendable {
  /// What the streams' states are of.
  let trunk: Trunk
  /// Numbers that a stream gets out.
  let outputWidth: Int
  /// Makes memory for the inputs of so many streams; what it holds has to be valid.
  let makeInputs: @Sendable (_ count: Int) -> Inputs
  /// Takes the step: a row of output per stream.
  let take: @Sendable (Inputs, Trunk.Streams) -> Tensor

  /// Memory for the outputs of so many streams.
  func makeOutputs(_ count: Int) -> Tensor { Tensor(shape: [count, outputWidth], repeating: 0) }
}

extension StreamStep where Inputs == TokenBuffer {
  /// A step of streams of tokens.
  init(
    of trunk: Trunk, outputWidth: Int,
    take: @escaping @Sendable (TokenBuffer, Trunk.Streams) -> Tensor
  ) {
    self.init(
      trunk: trunk, outputWidth: outputWidth,
      makeInputs: { TokenBuffer(repeatElement(0, count: $0)) }, take: take)
  }
}
