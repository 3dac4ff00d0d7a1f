#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Line of a run's log; values not measured at a step are absent.
public struct TrainingRecord: Sendable, Codable, Equatable {
  /// Number of steps, including skipped updates.
  public var step: Int
  /// Number of tokens trained on.
  public var tokens: Int
  /// Mean loss in nats per token since the previous line; where the training text is evaluated, on
  /// lines with a validation loss, the result of that evaluation.
  public var loss: Double?
  /// Balance of the routers at this step; absent without a router.
  public var routers: RouterRecord?
  /// Validation loss: for texts the mean over random batches, for other tasks over the validation
  /// part.
  public var validationLoss: Double?
  /// Validation of a classifier.
  public var classification: ClassificationEvaluation?
  /// Validation of a forecaster.
  public var forecast: ForecastEvaluation?
  /// Learning rate of this step.
  public var learningRate: Float?
  /// Gradient norm (global L2 norm) of this step, before clipping.
  public var gradientNorm: Double?
  /// Training speed since the previous line, without evaluations and checkpoints.
  public var tokensPerSecond: Double?
  /// Peak memory of the process.
  public var peakMemoryBytes: Int?
  /// Elapsed seconds of training, with evaluations and checkpoints; a resumed run counts on from its
  /// last line.
  public var seconds: Double?

  enum CodingKeys: String, CodingKey {
    case step, tokens, loss, routers, classification, forecast, seconds
    case validationLoss = "validation_loss"
    case learningRate = "learning_rate"
    case gradientNorm = "gradient_norm"
    case tokensPerSecond = "tokens_per_second"
    case peakMemoryBytes = "peak_memory_bytes"
  }
}

/// Balance of the routers over a batch.
public struct RouterRecord: Sendable, Codable, Equatable {
  /// Balance loss, not scaled: k if all memories are equally probable.
  public let balance: Double
  /// Per block with a router, the fraction of the tokens that chose each memory; the sum is k.
  public let shares: [[Double]]
  /// Per block with a router, the entropy in nats of the shares divided by k: log M if they are
  /// equal, 0 if all tokens chose one memory.
  public let entropy: [Double]

  init(balance: Float, shares: [[Float]]) {
    self.balance = Double(balance)
    self.shares = shares.map { $0.map { Double($0) } }
    entropy = self.shares.map { shares in
      let sum = shares.reduce(0, +)
      return shares.reduce(0) { $1 > 0 ? $0 - $1 / sum * log($1 / sum) : $0 }
    }
  }
}
