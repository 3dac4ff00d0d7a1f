internal import LMNAutodiff
internal import LMNKernels

/// Recorded computation of one run of an item, for one layout of its input.
final class RecordedProgram<M: Module, Input: RecordedInput> {
  let layout: [Int]
  let recording: Recording
  /// Value; nil where only further results are computed.
  let value: Tensor?
  /// Further results of the function, and the gradients with respect to its further inputs.
  let outputs, inputGradients: [Tensor]
  /// Values to be averaged over the batch.
  let observed: [Tensor]
  /// Gradients per parameter; empty where only values are computed, and a tensor without values for
  /// a parameter with lookups.
  let gradients: [Tensor]
  /// Lookups per parameter, nil unless only bags of its rows are looked up; empty where only values
  /// are computed.
  let lookups: [[Gradients.Lookup]?]
  /// Number of the batch's last run that used it.
  var lastRun = 0

  private let input: Input
  /// Cotangent of the value, `[1]`.
  private let seed: Tensor

  /// Records `function` of an input.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - result: The results to compute.
  ///   - module: The module, whose parameters the recorded calls read.
  ///   - example: An input of the layout.
  ///   - context: The context to compute in.
  ///   - other: Recording whose memory for intermediate values is reused.
  init(
    _ function: (M, Input) -> RecordedResult, _ result: RecordedBatch<M, Input>.Result,
    at module: M, _ example: Input, in context: ExecutionContext,
    sharingMemoryWith other: Recording? = nil
  ) {
    let seed = Tensor(overwritable: Tensor(shape: [1], repeating: 1))
    var found: (input: Input, result: RecordedResult)?
    var (gradients, inputGradients): ([Tensor], [Tensor]) = ([], [])
    var lookups: [[Gradients.Lookup]?] = []
    recording = Recording(in: context, sharingMemoryWith: other) {
      let input = example.placeholder()
      guard result == .valueAndGradient, example.isDifferentiated else {
        found = (input, function(module, input))
        return
      }
      let (tracked, variables) = module.tracked()
      let result = function(tracked, input)
      let seeds =
        [(result.value!, seed)]
        + result.outputs.compactMap { output in output.cotangent.map { (output.value, $0) } }
      let all = LMNAutodiff.gradients(of: seeds)
      found = (input, result)
      lookups = variables.map(all.lookups)
      gradients = zip(variables, lookups).map { variable, lookups in
        lookups == nil ? all.of(variable) : Tensor(shape: [0], repeating: 0)
      }
      inputGradients = result.inputs.map(all.of)
    }
    layout = example.layout
    let (input, results) = found!
    (self.input, self.seed) = (input, seed)
    value = results.value?.value
    outputs = results.outputs.map(\.value.value)
    observed = results.observed
    self.inputGradients = inputGradients
    (self.gradients, self.lookups) = (gradients, lookups)
  }

  /// Whether of a parameter only bags of rows are looked up.
  func looksUp(_ parameter: Int) -> Bool {
    lookups.indices.contains(parameter) && lookups[parameter] != nil
  }

  /// Bytes that are this program's alone.
  var ownByteCount: Int { recording.ownByteCount + input.byteCount }

  /// Runs the recording on an input of the layout.
  ///
  /// - Parameters:
  ///   - other: The input.
  ///   - scale: Cotangent of the value.
  ///   - context: The context to compute in.
  func run(on other: Input, scaledBy scale: Float, in context: ExecutionContext) {
    input.overwrite(with: other)
    seed.overwrite { $0.pointee = scale }
    recording.run(in: context)
  }
}
