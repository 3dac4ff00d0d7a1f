public import LMNKernels
public import LMNLayers
public import LMNModel

/// A tokenized text: the beginning is the training part, the end the validation part, unless that is
/// a text of its own.
public struct Corpus: Sendable {
  /// A part of the text: its beginning for training, its end for validation.
  public typealias Split = LMNTraining.Split

  private let tokens: [Token]
  private let trainingCount: Int
  /// Whether the validation part is a text of its own.
  private let hasOwnValidation: Bool

  /// Tokenizes and splits a text.
  ///
  /// - Parameters:
  ///   - text: Bytes; UTF-8 for character tokens.
  ///   - tokenizer: Tokenizer of the text.
  ///   - blockLength: Length of the windows to be drawn.
  ///   - trainingFraction: Fraction of tokens in the training part, rounded to whole tokens.
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
    hasOwnValidation = false
    for split in Split.allCases where self[split].count <= blockLength {
      throw CorpusError.tooShort(
        split, tokenCount: self[split].count, of: tokens.count, blockLength: blockLength)
    }
  }

  /// Tokenizes a text for training and another one for validation.
  ///
  /// - Parameters:
  ///   - text: Training text: bytes; UTF-8 for character tokens.
  ///   - validation: Validation text.
  ///   - tokenizer: Tokenizer of both texts.
  ///   - blockLength: Length of the windows to be drawn.
  /// - Throws: ``CorpusError`` if a text is too short for a window or the validation text cannot be
  ///   encoded, ``TokenizerError`` if the training text cannot be encoded.
  public init(
    text: [UInt8], validation: [UInt8], tokenizer: Tokenizer, blockLength: Int
  ) throws {
    guard !text.isEmpty else { throw CorpusError.empty }
    let training = try tokenizer.encode(text)
    if training.count <= blockLength {
      throw CorpusError.tooShort(
        .training, tokenCount: training.count, of: training.count, blockLength: blockLength)
    }
    let other: [Token]
    do throws(TokenizerError) { other = try tokenizer.encode(validation) } catch {
      throw CorpusError.unusableValidation(error)
    }
    if other.count <= blockLength {
      throw CorpusError.shortValidation(tokenCount: other.count, blockLength: blockLength)
    }
    tokens = training + other
    trainingCount = training.count
    hasOwnValidation = true
  }

  /// Number of training tokens in a text of `count` tokens whose end is the validation part.
  public static func trainingCount(of count: Int) -> Int {
    Int((Double(count) * TrainingSize.share).rounded())
  }

  /// The tokens of a split.
  public subscript(split: Split) -> ArraySlice<Token> {
    switch split {
    case .training: tokens[..<trainingCount]
    case .validation: tokens[trainingCount...]
    }
  }

  /// Checksum of the tokens.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    fingerprint.add(tokens.lazy.map { UInt32(bitPattern: $0) })
    // Elsewhere the tokens determine the split.
    if hasOwnValidation { fingerprint.add([UInt32(truncatingIfNeeded: trainingCount)]) }
    return fingerprint.description
  }

  /// Fills windows from random places, uniformly and independently.
  ///
  /// - Parameters:
  ///   - windows: The windows.
  ///   - split: Part of the text.
  ///   - generator: Random numbers.
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

  /// A window at a random place, and the token after each of its tokens.
  func window(
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

extension Corpus: TextData {
  /// Trained model.
  public typealias Model = LanguageModel
  /// Input of one batch item.
  public typealias Input = TokenWindow

  /// Records a network's mean loss over a batch of windows; for training with `carry` the windows
  /// have carried state.
  public func batch(
    _ result: Batch.Result, at network: LanguageNetwork,
    for configuration: TrainingConfiguration
  ) -> Batch {
    RecordedBatch(
      result, ofLossAt: network, windows: configuration.batchSize,
      length: configuration.blockLength,
      carrying: result == .valueAndGradient ? configuration.carry : nil,
      recomputing: configuration.recompute)
  }

  /// Nil: the validation loss is the mean loss of random batches.
  public func validation(
    of model: LanguageModel, for configuration: TrainingConfiguration
  ) -> Validation? { nil }
}

/// A text that is unsuitable for training.
public enum CorpusError: Error, Equatable, CustomStringConvertible {
  /// The text is empty.
  case empty
  /// A split has no room for a window and the token after it.
  case tooShort(Corpus.Split, tokenCount: Int, of: Int, blockLength: Int)
  /// The parts of the rows are too short for a step.
  case shortParts(tokenCount: Int, rows: Int, part: Int, rowLength: Int)
  /// The validation text has no room for a window and the token after it.
  case shortValidation(tokenCount: Int, blockLength: Int)
  /// The validation text cannot be encoded.
  case unusableValidation(TokenizerError)

  /// Whether the validation text is the cause, not the training text.
  public var isOfValidation: Bool {
    switch self {
    case .shortValidation, .unusableValidation: true
    case .empty, .tooShort, .shortParts: false
    }
  }

  /// A sentence with the sizes.
  public var description: String {
    switch self {
    case .empty:
      "the text is empty"
    case .tooShort(let split, let tokenCount, let total, let blockLength):
      "the text is too short: \(tokenCount) of its \(total) tokens are in the \(split) part, "
        + "but blocks of \(blockLength) need at least \(blockLength + 1)"
    case .shortParts(let tokenCount, let rows, let part, let rowLength):
      "the text is too short: its \(tokenCount) training tokens, divided among a batch of \(rows), "
        + "give parts of \(part) tokens, but a step reads \(rowLength) of each"
    case .shortValidation(let tokenCount, let blockLength):
      "the validation text is too short: it has \(tokenCount) tokens, but blocks of \(blockLength) "
        + "need at least \(blockLength + 1)"
    case .unusableValidation(let error):
      "\(error)"
    }
  }
}
