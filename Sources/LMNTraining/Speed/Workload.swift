import LMNAutodiff
public import LMNKernels
public import LMNLayers
import LMNMemories
public import LMNModel

/// A prepared workload for timing: training, evaluation or decode steps.
///
/// It is prepared and run in the current ``LMNKernels/ExecutionContext``. Tokens and the streams'
/// states are random: durations do not depend on their values.
public struct Workload {
  /// Tokens per run, of all batch items or streams together.
  public let tokens: Int
  /// Runs once and returns the duration in seconds, without preparation.
  public let run: () -> Double
  /// Result of the last run, for tests; nil before the first.
  package let result: () -> Result?

  /// Result of a run.
  package enum Result: Equatable {
    /// Mean loss of the batch.
    case loss(Double)
    /// Logits of the last step, and the position of each stream after it.
    case logits(Tensor, positions: [Int])
  }

  /// A workload that calls `run`.
  public init(tokens: Int, run: @escaping () -> Double) {
    self.init(tokens: tokens, run: run, result: { nil })
  }

  private init(
    tokens: Int, run: @escaping () -> Double, result: @escaping () -> Result?
  ) {
    self.tokens = tokens
    self.run = run
    self.result = result
  }

  /// Training steps: the gradient over a batch of windows, each from the beginning of a stream, and
  /// AdamW's update.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - count: Windows of the batch.
  ///   - length: Tokens of a block.
  ///   - carry: Blocks of a window, through which gradients go; nil for one.
  ///   - recompute: Whether intermediate values are computed again in the backward pass.
  /// - Returns: The workload.
  public static func trainingStep(
    of network: LanguageNetwork, batch count: Int, length: Int, carrying carry: Carry? = nil,
    recomputing recompute: Bool = false
  ) -> Workload {
    let batch = randomBatch(
      .valueAndGradient, of: network, count: count, length: length, carrying: carry,
      recomputing: recompute)
    return trainingStep(of: network, on: batch, tokens: count * length * (carry?.horizon ?? 1))
  }

  /// Training steps of a Memformer: the gradient over a batch of windows, each from the beginning of
  /// a text, and AdamW's update.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - count: Windows of the batch.
  ///   - length: Tokens of a block; with carried state a multiple of a segment's.
  ///   - carry: Blocks of a window, through which gradients go; nil for one.
  ///   - recompute: Whether intermediate values are computed again in the backward pass.
  /// - Returns: The workload.
  public static func trainingStep(
    of model: Memformer, batch count: Int, length: Int, carrying carry: Carry? = nil,
    recomputing recompute: Bool = false
  ) -> Workload {
    let batch = randomBatch(
      of: model, count: count, length: length, carrying: carry, recomputing: recompute)
    return trainingStep(of: model, on: batch, tokens: count * length * (carry?.horizon ?? 1))
  }

  private static func trainingStep<M: Module, Input: TrainingInput>(
    of model: M, on batch: RecordedBatch<M, Input>, tokens: Int
  ) -> Workload {
    var optimizer = Optimizer(for: model.stateDictionary)
    var loss: Double?
    return Workload(tokens: tokens) {
      batch.states = batch.inputs.map { _ in nil }
      return seconds {
        loss = batch.run()
        optimizer.update(batch, learningRate: 1e-3)
      }
    } result: {
      loss.map(Result.loss)
    }
  }

  /// Mean loss over a batch of windows.
  public static func evaluation(
    of network: LanguageNetwork, batch count: Int, length: Int
  ) -> Workload {
    let batch = randomBatch(.value, of: network, count: count, length: length)
    var loss: Double?
    return Workload(tokens: count * length) {
      seconds { loss = batch.run() }
    } result: {
      loss.map(Result.loss)
    }
  }

  /// Reading of a text in parallel form, from the beginning of a stream.
  public static func reading(by network: LanguageNetwork, length: Int) -> Workload {
    var generator = SeededGenerator(seed: 1)
    let tokens = TokenBuffer(
      randomTokens(length, below: network.configuration.vocabularySize, using: &generator))
    var logits: Tensor?
    return Workload(tokens: length) {
      seconds {
        var session = Session(network)
        logits = session.read(tokens)
      }
    } result: {
      logits.map { .logits($0, positions: [length]) }
    }
  }

  /// Decode steps of several streams in lock-step, each stream with one token per step.
  ///
  /// A run takes ``stepsOfDecoding`` steps. Streams restart at the lower bound of `positions`
  /// before a run that would exceed the upper bound.
  public static func decoding(
    by network: LanguageNetwork, streams count: Int, positions: Range<Int>
  ) -> Workload {
    var generator = SeededGenerator(seed: 1)
    let start = network.randomState(at: positions.lowerBound, using: &generator)
    let vocabulary = network.configuration.vocabularySize
    let tokens = (0..<stepsOfDecoding).map { _ in
      randomTokens(count, below: vocabulary, using: &generator)
    }
    let begin = { SessionBatch(network, states: .init(repeating: start, count: count)) }
    var (streams, position): (SessionBatch<LanguageNetwork>?, Int) = (begin(), positions.lowerBound)
    var logits: Tensor?
    return Workload(tokens: count * stepsOfDecoding) {
      if position + stepsOfDecoding > positions.upperBound {
        // Released first: two sets of streams would count in the peak memory.
        streams = nil
        (streams, position) = (begin(), positions.lowerBound)
      }
      position += stepsOfDecoding
      return seconds {
        for tokens in tokens {
          // Released, because the step allocates new logits while the old ones are in use.
          logits = nil
          logits = streams!.step(tokens)
        }
      }
    } result: {
      logits.map { .logits($0, positions: streams!.states.map { $0.position }) }
    }
  }

  /// Decode steps per run: a mean over steps that finish different numbers of nodes.
  public static let stepsOfDecoding = 64

  /// A batch of windows of random tokens.
  public static func randomBatch(
    _ result: RecordedBatch<LanguageNetwork, TokenWindow>.Result = .valueAndGradient,
    of network: LanguageNetwork, count: Int, length: Int, carrying carry: Carry? = nil,
    recomputing recompute: Bool = false
  ) -> RecordedBatch<LanguageNetwork, TokenWindow> {
    let batch = RecordedBatch(
      result, ofLossAt: network, windows: count, length: length, carrying: carry,
      recomputing: recompute)
    var generator = SeededGenerator(seed: 1)
    let vocabulary = network.configuration.vocabularySize
    for window in batch.inputs {
      let tokens = randomTokens(window.length + 1, below: vocabulary, using: &generator)
      window.overwrite(inputs: tokens.dropLast(), targets: tokens.dropFirst())
    }
    return batch
  }

  /// A batch of windows of random tokens, for a Memformer.
  public static func randomBatch(
    of model: Memformer, count: Int, length: Int, carrying carry: Carry? = nil,
    recomputing recompute: Bool = false
  ) -> RecordedBatch<Memformer, MemformerWindow> {
    let batch = RecordedBatch(
      ofLossAt: model, windows: count, length: length, carrying: carry, recomputing: recompute)
    var generator = SeededGenerator(seed: 1)
    let vocabulary = model.configuration.vocabularySize
    for window in batch.inputs {
      let tokens = randomTokens(window.length, below: vocabulary, using: &generator)
      window.overwrite(tokens: tokens[...])
    }
    return batch
  }

  /// Random tokens, uniformly and independently.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - vocabulary: Tokens are below it.
  ///   - generator: The source of random numbers.
  /// - Returns: The tokens.
  public static func randomTokens(
    _ count: Int, below vocabulary: Int, using generator: inout SeededGenerator
  ) -> [Token] {
    (0..<count).map { _ in Token(generator.integer(below: vocabulary)) }
  }

  private static func seconds(of body: () -> Void) -> Double {
    ContinuousClock().measure(body) / .seconds(1)
  }
}

extension LanguageNetwork {
  fileprivate func randomState(
    at position: Int, using generator: inout SeededGenerator
  ) -> Trunk.State {
    func random(_ shape: [Int]) -> Tensor {
      Tensor(
        shape: shape,
        scalars: (0..<shape.reduce(1, *)).map { _ in generator.uniform(in: -1..<1) })
    }
    let blocks = zip(initialState.blocks, trunk.stateShapes(at: position)).map { block, shapes in
      var block = block
      for (name, shape) in shapes { block[name] = Variable(constant: random(shape)) }
      return block
    }
    return Trunk.State(position: position, blocks: blocks)
  }
}
