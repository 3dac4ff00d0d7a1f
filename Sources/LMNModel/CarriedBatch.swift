internal import LMNAutodiff
public import LMNKernels
internal import LMNLayers
internal import LMNMemories

/// The mean loss of a network over the next tokens of several streams, each read after what the
/// tokens before have left behind.
///
/// This is truncated back-propagation through time (R. J. Williams and J. Peng, Neural Computation 2,
/// 1990): what was read in earlier runs has its part in the values, but gradients stop where a run
/// begins. A run is computed anew, not recorded, because the layout of a tree depends on where its
/// tokens stand in their stream.
///
/// Streams are computed in parallel, each whole by one thread, and summed in order: the bits do not
/// depend on the number of threads.
public final class CarriedBatch: TrainingBatch {
  /// The next tokens of every stream, for the caller to overwrite before a run.
  public let inputs: [TokenWindow]
  /// What every stream has left behind, without gradients; none where all begin anew.
  public var states: [Trunk.State] = []
  /// The parameters' names.
  public let names: [String]
  /// The parameters, for an optimizer to overwrite where they are.
  public let parameters: [Tensor]
  /// The gradient of the last run, by parameter; zero before the first.
  public private(set) var gradients: [Tensor]
  private var network: LogarithmicMemoryNetwork

  /// Streams at their beginning.
  ///
  /// - Parameters:
  ///   - network: What reads them; its parameters are copied.
  ///   - count: How many there are, at least 1.
  ///   - length: Tokens of each that a run reads.
  public init(ofLossAt network: LogarithmicMemoryNetwork, streams count: Int, length: Int) {
    precondition(count > 0, "CarriedBatch: no streams")
    self.network = network
    let dictionary = network.stateDictionary
    names = dictionary.names
    parameters = dictionary.tensors.map { $0.copied() }
    gradients = parameters.map { Tensor(shape: $0.shape, repeating: 0) }
    inputs = (0..<count).map { _ in
      TokenWindow(length: length, vocabularySize: network.configuration.vocabularySize)
    }
  }

  /// Gives `module` a copy of the parameters.
  public func store(to module: inout LogarithmicMemoryNetwork) {
    module.adopt(copiesOf: parameters)
  }

  /// Reads on, and drops what the windows' draws say.
  ///
  /// A stream begins anew when its learned positions would not reach, and after a state that is not
  /// finite, which would spoil everything behind it.
  ///
  /// - Returns: The mean loss over the streams.
  public func run() -> Double {
    // As new values: what is kept with a weight, such as its transposed form, is of what it was.
    store(to: &network)
    let (inputs, fresh) = (inputs, network.initialState)
    let room = (network.configuration.maximumLength ?? .max) - inputs[0].length
    let before =
      states.isEmpty
      ? inputs.map { _ in fresh } : states.map { $0[0].position <= room ? $0 : fresh }
    precondition(
      before.count == inputs.count, "CarriedBatch: \(before.count) states, \(inputs.count) streams")
    let result = valueWithGradients(at: network, overBatchOf: inputs.count) { network, stream in
      let input = inputs[stream]
      var state = before[stream]
      let loss = network.loss(
        of: input.inputs, targets: input.targets, after: &state, dropping: input.draw)
      return (loss, network.trunk.detached(state))
    }
    gradients = result.gradients
    states = result.rests.map { $0.allSatisfy(\.isFinite) ? $0 : fresh }
    return result.value
  }
}

extension LogarithmicMemory.State {
  /// Whether all values are finite, but for the scores of empty places.
  fileprivate var isFinite: Bool {
    [nodes.value, pinned.value].allSatisfy { $0.scalars.allSatisfy(\.isFinite) }
      && pinnedScores.scalars.allSatisfy { $0 < .infinity }
  }
}
