public import LMNKernels
public import LMNLayers
public import LMNModel

/// A text in tokens, its beginning to train on and its end to validate with.
public struct Corpus: Sendable {
  /// A part of the text: its beginning to train on, its end to validate with.
  public typealias Split = LMNTraining.Split

  private let tokens: [Token]
  private let trainingCount: Int

  /// The tokens of a text, divided.
  ///
  /// - Parameters:
  ///   - text: Bytes; UTF-8 where tokens are characters.
  ///   - tokenizer: Divides the text into tokens.
  ///   - blockLength: The length of the windows that will be asked for.
  ///   - trainingFraction: The share of tokens to train on, rounded to whole tokens.
  /// - Throws: ``CorpusError`` if the text is empty or a split too short for a window,
  ///   ``TokenizerError`` if the text cannot be encoded.
  /// - Precondition: `trainingFraction` is from 0 to 1.
  public init(
    text: [UInt8], tokenizer: Tokenizer, blockLength: Int, trainingFraction: Double = 0.9
  ) throws {
    precondition(
      (0...1).contains(trainingFraction), "\(trainingFraction) is not a fraction of the text")
    guard !text.isEmpty else { throw CorpusError.empty }
    tokens = try tokenizer.encode(text)
    trainingCount = Int((Double(tokens.count) * trainingFraction).rounded())
    for split in Split.allCases where self[split].count <= blockLength {
      throw CorpusError.tooShort(
        split, tokenCount: self[split].count, of: tokens.count, blockLength: blockLength)
    }
  }

  /// The tokens of a split.
  public subscript(split: Split) -> ArraySlice<Token> {
    switch split {
    case .training: tokens[..<trainingCount]
    case .validation: tokens[trainingCount...]
    }
  }

  /// Tells this text from any other, token by token.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    fingerprint.add(tokens.lazy.map { UInt32(bitPattern: $0) })
    return fingerprint.description
  }

  /// Fills windows from random places, each place as likely as any other and independent of the rest.
  ///
  /// - Parameters:
  ///   - windows: The windows.
  ///   - split: The part of the text to take them from.
  ///   - generator: Chooses the places.
  /// - Precondition: The split has more tokens than a window.
  public func fill(
    _ windows: [TokenWindow], of split: Split, using generator: inout SeededGenerator
  ) {
    for window in windows {
      let (inputs, targets) = self.window(
        of: split, length: window.length, using: &generator)
      window.overwrite(inputs: inputs, targets: targets)
    }
  }

  private func window(
    of split: Split, length: Int, using generator: inout SeededGenerator
  ) -> (inputs: ArraySlice<Token>, targets: ArraySlice<Token>) {
    let tokens = self[split]
    precondition(
      length < tokens.count,
      "a window of \(length) and its targets do not fit the \(tokens.count) \(split) tokens")
    let start = tokens.startIndex + generator.integer(below: tokens.count - length)
    return (tokens[start..<start + length], tokens[start + 1...start + length])
  }
}

extension Corpus: TrainingData {
  /// What is trained.
  public typealias Model = LanguageModel
  /// What is learned from.
  public typealias Input = TokenWindow

  /// Records a network's mean loss over a batch of windows; in training with `carry`, windows that are
  /// read on.
  public func batch(
    _ result: Batch.Result, at network: LanguageNetwork,
    for configuration: TrainingConfiguration
  ) -> Batch {
    let carries = result == .valueAndGradient && configuration.carry != nil
    return RecordedBatch(
      result, ofLossAt: network, windows: configuration.batchSize,
      length: carries ? configuration.rowLength : configuration.blockLength, carrying: carries)
  }

  /// Nothing beside the mean loss of random batches.
  public func validation(
    of model: LanguageModel, for configuration: TrainingConfiguration
  ) -> Validation? { nil }
}

/// Why a text cannot be trained on.
public enum CorpusError: Error, Equatable, CustomStringConvertible {
  /// The text has nothing in it.
  case empty
  /// A split has no room for a window and the token after it.
  case tooShort(Corpus.Split, tokenCount: Int, of: Int, blockLength: Int)
  /// The rows' parts of the training text have no room for a step.
  case shortParts(tokenCount: Int, rows: Int, part: Int, rowLength: Int)

  /// The error as a sentence for the user.
  public var description: String {
    switch self {
    case .empty:
      "the text is empty"
    case .tooShort(let split, let tokenCount, let total, let blockLength):
      "the text is too short: \(tokenCount) of its \(total) tokens are for \(split), "
        + "but blocks of \(blockLength) need at least \(blockLength + 1)"
    case .shortParts(let tokenCount, let rows, let part, let rowLength):
      "the text is too short: its \(tokenCount) tokens for training, shared by a batch of \(rows), "
        + "are parts of \(part), but a step reads \(rowLength) of each"
    }
  }
}
