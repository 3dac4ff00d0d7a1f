package import LMNAutodiff
public import LMNKernels
public import LMNLayers
package import LMNMemories

/// Input of one batch item in the training of a network.
public protocol TrainingInput: RecordedInput {
  /// Number of inputs: tokens or rows.
  var length: Int { get }
  /// Dropout draw; training has to change it at each step.
  var draw: DropoutDraw { get }
  /// Segment of a stream with carried state; nil where each run starts at the beginning of a
  /// stream.
  var segment: Segment? { get }
}

extension TrainingInput {
  /// Layout of the segment.
  public var layout: [Int] { segment?.layout ?? [] }

  /// Whether the loss is computed.
  public var isDifferentiated: Bool { segment?.results != .state }

  /// Bytes of the states that the input owns.
  public var byteCount: Int { segment?.byteCount ?? 0 }

  /// Bytes of the states between the segments of a run.
  public var byteCountOfRuns: Int { segment?.stream.storageByteCount ?? 0 }

  /// Updates the carried state.
  public func receive(_ outputs: [Tensor], gradients: [Tensor]) {
    segment?.receive(outputs, gradients: gradients)
  }
}

extension RecordedBatch where M: Network, Input: TrainingInput {
  /// Records a network's mean loss over a batch.
  ///
  /// With a gradient, the loss is that of training: with dropout by the items' draws, and with the
  /// balance loss of the routers added.
  ///
  /// - Parameters:
  ///   - result: The results to compute.
  ///   - network: The network; its parameters are copied.
  ///   - count: Items of the batch, at least 1.
  ///   - groups: Number of partial sums of gradients, at most 16.
  ///   - context: The context to compute in.
  ///   - makeInput: Allocates an input.
  ///   - recompute: Whether intermediate values of blocks of the network are computed again in the
  ///     backward pass.
  ///   - blocks: Blocks of a segment, whose balance losses are averaged.
  ///   - embed: The vectors `[L, E]` of a segment.
  ///   - loss: The loss `[1]` of one item, after a state and in a pass.
  package convenience init(
    _ result: Result, at network: M, overBatchOf count: Int, groups: Int = 8,
    in context: ExecutionContext,
    inputs makeInput: (M) -> Input, recomputing recompute: Bool = false,
    blocks: Int = 1, embed: ((M, Input) -> Variable)? = nil,
    loss: @escaping (M, Input, inout Trunk.State, inout Pass) -> Variable
  ) {
    let isTraining = result == .valueAndGradient
    self.init(
      result, at: network, overBatchOf: count, groups: groups, in: context, inputs: makeInput
    ) {
      network, input -> RecordedResult in
      let draw = isTraining ? input.draw : nil
      let trunk = network.trunk
      var pass =
        input.segment?.pass(dropping: trunk.dropout(draw))
        ?? trunk.pass(after: 0, length: input.length, dropping: draw)
      let before = input.segment?.state ?? network.initialState
      var state = before
      if let segment = input.segment, segment.results == .state {
        trunk.advance(&state, over: embed!(network, input), &pass)
        return segment.result(nil, from: before, to: state)
      }
      pass.recomputes = recompute
      var value = loss(network, input, &state, &pass)
      var observed: [Tensor] = []
      if isTraining {
        let training = TrainingLoss(
          value, in: pass, blocks: blocks, of: network.configuration)
        if let balance = training.balance {
          observed = [training.task.value, balance.value] + training.routers.map(\.shares)
        }
        value = training.total
      }
      var result =
        input.segment?.result(value, from: before, to: state)
        ?? RecordedResult(value: value)
      result.observed = observed
      return result
    }
  }

}

extension RecordedBatch where Input: TrainingInput {
  /// Loss of the task in the last run, without the balance loss; nil without a router, where it is
  /// the whole loss.
  public var taskLoss: Double? { observationCount > 0 ? meanObservation(at: 0) : nil }

  /// Balance loss of the last run and, per block with a router, the fraction of the tokens that
  /// chose each memory; nil without a router.
  public var routers: (balance: Float, shares: [[Float]])? {
    let observations = observations
    guard observations.count > 1 else { return nil }
    let shares = observations.dropFirst(2).map { observed in
      let (blocks, memories) = (observed.shape[0], observed.shape[1])
      let all = observed.scalars
      return (0..<memories).map { memory in
        (0..<blocks).reduce(0) { $0 + all[$1 * memories + memory] } / Float(blocks)
      }
    }
    return (observations[1].scalar, shares)
  }

  /// Carried states of the items; nil at the beginning of a stream.
  public var states: [Trunk.State?] {
    get { inputs.map { $0.segment?.stream.state } }
    set {
      for (input, state) in zip(inputs, newValue) { input.segment?.stream.state = state }
    }
  }
}
