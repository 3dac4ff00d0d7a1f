import LMNAutodiff
import LMNKernels
public import LMNLayers
public import LMNMemories

/// Class scores of a text by its n-grams, added to those of the memory: a linear model of hashed
/// n-grams (of tokens; fastText, arXiv 1607.01759, has those of words).
///
/// Over the N n-grams b of 1 to n tokens of the text with a boundary before and after it,
///
///     scores = 4 / √N · Σ table[hash(b)]
///
/// The root keeps the scale of the scores for short and long texts, and the factor lets the table
/// learn as fast as the network at the same learning rate. An n-gram is counted at its last token, so
/// a stream needs only the sum so far and its last n − 1 tokens. Different n-grams may share a row.
public struct NGrams: Module {
  /// Sizes of a table of n-grams.
  public struct Settings: Sendable, Codable, Equatable {
    /// n: tokens of the longest n-gram.
    public var longest: Int
    /// Rows of the table, over which n-grams are distributed by their hash.
    public var buckets: Int

    /// Settings with the given sizes.
    public init(longest: Int = 5, buckets: Int = 1 << 18) {
      (self.longest, self.buckets) = (longest, buckets)
    }

    /// Throws unless a table can have these settings.
    public func validate() throws(ConfigurationError) {
      for (key, value, range) in [
        ("nGrams", longest, 1...Self.mostTokens),
        ("buckets", buckets, 1...ConfigurationError.largestSize),
      ] where !range.contains(value) {
        throw .outOfRange(key: key, value: value, range: range)
      }
    }

    /// Upper limit of the tokens of an n-gram.
    public static var mostTokens: Int { 16 }
  }

  /// Sizes.
  public let settings: Settings
  /// A row of class scores per bucket.
  public var bag: EmbeddingBag

  /// A table of zeros: at first, n-grams have no effect.
  init(_ settings: Settings, classes: Int, using source: inout ParameterSource) {
    self.settings = settings
    bag = EmbeddingBag(vocabularySize: settings.buckets, width: classes, using: &source)
  }

  /// Lists the table's `weight`.
  public mutating func visitParameters(_ visit: ParameterVisitor) { bag.visitParameters(visit) }
}

extension NGrams.Settings {
  /// Most n-grams of a text of `length` tokens, with those of its end.
  func count(ofLength length: Int) -> Int { longest * (length + 1) }

  /// Adds the buckets of the n-grams that end with a token.
  ///
  /// - Parameters:
  ///   - context: The last tokens, oldest first, of which the last one ends the n-grams; at least
  ///     `longest`, or all from the boundary before the text on.
  ///   - shortest: Tokens of the shortest n-gram.
  ///   - body: Receives the bucket of each.
  func forEachBucket(
    endingIn context: some BidirectionalCollection<Token>, from shortest: Int = 1,
    _ body: (Token) -> Void
  ) {
    // FNV-1a over 32-bit tokens, from the last one back, with a multiplicative finish.
    var (hash, length) = (0xcbf2_9ce4_8422_2325 as UInt64, 0)
    for token in context.reversed() {
      if length == longest { return }
      hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x100_0000_01b3
      length += 1
      if length < shortest { continue }
      let mixed = (hash ^ hash >> 29) &* 0x9e37_79b9_7f4a_7c15
      body(Token(((mixed >> 32) * UInt64(buckets)) >> 32))
    }
  }
}

/// Token before and after a text, which no vocabulary has.
private let boundary: Token = -1

extension NGrams {
  /// Sum of the scores of a stream's n-grams so far: a value of constant size.
  public struct State: Sendable, Equatable {
    /// The last n − 1 tokens, and the boundary before the text.
    fileprivate(set) var context: [Token] = [boundary]
    /// Number of n-grams.
    fileprivate(set) var count = 0
    /// Their sum, per class.
    fileprivate(set) var sum: [Double]

    /// The state before the first token.
    init(classes: Int) { sum = .init(repeating: 0, count: classes) }
  }

  /// Reads the next tokens of a stream.
  func read(_ tokens: [Token], after state: inout State) {
    var buckets: [Token] = []
    for token in tokens {
      state.context.append(token)
      settings.forEachBucket(endingIn: state.context) { buckets.append($0) }
      if state.context.count >= settings.longest { state.context.removeFirst() }
    }
    state.count += buckets.count
    for (index, score) in sum(of: buckets).enumerated() { state.sum[index] += score }
  }

  /// Scores `[C]` of a text that ends here.
  func scores(after state: State) -> [Double] {
    var end: [Token] = []
    settings.forEachBucket(endingIn: state.context + [boundary], from: 2) { end.append($0) }
    let scale = Double(Self.scale(ofCount: state.count + end.count))
    return zip(state.sum, sum(of: end)).map { scale * ($0 + $1) }
  }

  private func sum(of buckets: [Token]) -> [Double] {
    if buckets.isEmpty { return .init(repeating: 0, count: bag.table.value.shape[1]) }
    return bag(Bags([(ids: buckets, scale: 1)])).value.scalars.map(Double.init)
  }

  /// Scale of the sum over `count` n-grams.
  static func scale(ofCount count: Int) -> Float { 4 / Float(max(count, 1)).squareRoot() }
}

extension Bags {
  /// Replaces the only bag by the n-grams of a text.
  func overwrite(withNGramsOf tokens: some Collection<Token>, _ settings: NGrams.Settings) {
    var buckets: [Token] = []
    buckets.reserveCapacity(settings.count(ofLength: tokens.count))
    let text = [boundary] + tokens
    for end in text.indices.dropFirst() {
      settings.forEachBucket(endingIn: text[...end]) { buckets.append($0) }
    }
    settings.forEachBucket(endingIn: text + [boundary], from: 2) { buckets.append($0) }
    overwrite(0, buckets, scale: NGrams.scale(ofCount: buckets.count))
  }
}
