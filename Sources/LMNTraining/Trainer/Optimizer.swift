public import LMNKernels
public import LMNLayers

/// AdamW (arXiv 1711.05101) for all parameters, or Muon for the maps inside blocks and AdamW for the
/// others.
///
/// A value that holds its moments.
public struct Optimizer: Sendable, Equatable {
  /// Constants of AdamW; its weight decay is that of Muon, too.
  public let constants: AdamWConstants
  /// Constants of Muon; nil for AdamW alone.
  public let muon: MuonConstants?
  /// Number of updates made.
  public private(set) var step: Int
  /// First moment: running mean of the gradients.
  public private(set) var first: StateDictionary
  /// Second moment: running mean of the squared gradients; zero for parameters updated by Muon.
  public private(set) var second: StateDictionary

  /// An optimizer at step 0, for parameters of the given names and shapes.
  public init(
    for parameters: StateDictionary, constants: AdamWConstants = .init(),
    muon: MuonConstants? = nil
  ) {
    let zeros = parameters.tensors.map { Tensor(shape: $0.shape, repeating: 0) }
    let moments = StateDictionary(names: parameters.names, tensors: zeros)
    self.init(step: 0, first: moments, second: moments, constants: constants, muon: muon)
  }

  /// An optimizer after `step` updates.
  ///
  /// - Precondition: Both moments have the parameters' names and shapes.
  public init(
    step: Int, first: StateDictionary, second: StateDictionary, constants: AdamWConstants,
    muon: MuonConstants? = nil
  ) {
    precondition(first.names == second.names, "Optimizer: the moments have different names")
    self.constants = constants
    self.muon = muon
    self.step = step
    self.first = first
    self.second = second
  }

  /// Updates the parameters of a batch by the gradient of its last run.
  ///
  /// - Parameters:
  ///   - batch: A batch of the module that the optimizer was made for.
  ///   - learningRate: The learning rate.
  ///   - gradientScale: Factor on the gradient, from clipping.
  public mutating func update<M, Input>(
    _ batch: RecordedBatch<M, Input>, learningRate: Float, gradientScale: Float = 1
  ) {
    step += 1
    if let muon {
      updateMaps(of: batch, by: muon, learningRate: learningRate, gradientScale: gradientScale)
    }
    for (index, value) in batch.parameters.enumerated() {
      let traits = batch.traits[index]
      if muon != nil && traits.isHiddenMap { continue }
      var constants = constants
      if !traits.decays { constants.weightDecay = 0 }
      if let gradient = batch.rowGradients[index] {
        value.overwriteRowsByAdamW(
          gradient: gradient, first: &first.tensors[index], second: &second.tensors[index],
          step: step, learningRate: learningRate, gradientScale: gradientScale,
          constants: constants)
      } else {
        value.overwriteByAdamW(
          gradient: batch.gradients[index], first: &first.tensors[index],
          second: &second.tensors[index], step: step, learningRate: learningRate,
          gradientScale: gradientScale, constants: constants)
      }
    }
  }

  /// Updates the maps inside blocks by Muon.
  private mutating func updateMaps<M, Input>(
    of batch: RecordedBatch<M, Input>, by muon: MuonConstants, learningRate: Float,
    gradientScale: Float
  ) {
    let indices = batch.traits.indices.filter { batch.traits[$0].isHiddenMap }
    let means = indices.map { index in
      first.tensors[index].average(
        batch.gradients[index], scale: gradientScale, momentum: muon.momentum)
    }
    // Each matrix is orthogonalized by one thread: small products do not occupy several.
    let directions = ExecutionContext.current.map(means.count) { means[$0].orthogonalized() }
    for (index, direction) in zip(indices, directions) {
      let decay = batch.traits[index].decays ? constants.weightDecay : 0
      batch.parameters[index].overwriteByMuon(
        direction, learningRate: learningRate, weightDecay: decay)
    }
  }
}
