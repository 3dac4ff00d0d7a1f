public import LMNKernels
public import LMNLayers

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How the next token is drawn from logits.
public struct Sampler: Sendable, Equatable {
  /// Divides the logits; 0 takes the likeliest token.
  public var temperature: Double = 1
  /// Only so many of the likeliest tokens are drawn from; nil for all.
  public var topK: Int?
  /// Only the likeliest tokens that together have at least this probability; nil for all.
  public var topP: Double?

  /// Draws from all tokens by their probabilities.
  public init() {}

  /// Throws unless tokens can be drawn like this.
  public func validate() throws(SamplerError) {
    guard temperature >= 0, temperature.isFinite else {
      throw .outOfRange(name: "temperature", value: "\(temperature)", range: "0 or more")
    }
    if let topK, topK < 1 {
      throw .outOfRange(name: "top-k", value: "\(topK)", range: "1 or more")
    }
    if let topP, !(topP > 0 && topP <= 1) {
      throw .outOfRange(name: "top-p", value: "\(topP)", range: "above 0, at most 1")
    }
  }

  /// Draws a token.
  ///
  /// - Parameters:
  ///   - logits: `[V]`.
  ///   - generator: Decides.
  /// - Returns: The token.
  public func sample(_ logits: Tensor, using generator: inout SeededGenerator) -> Token {
    var candidates = Array(logits.scalars.enumerated())
    let largest = candidates.reduce(candidates[0]) { $1.element > $0.element ? $1 : $0 }
    guard temperature > 0 else { return Token(largest.offset) }
    func weight(_ candidate: Candidate) -> Double {
      exp((Double(candidate.element) - Double(largest.element)) / temperature)
    }
    if topK != nil || topP != nil { candidates = likeliest(candidates, weight) }
    let weights = candidates.map(weight)
    var rest = Double(generator.uniform(in: 0..<1)) * weights.reduce(0, +)
    for (weight, candidate) in zip(weights, candidates) {
      rest -= weight
      if rest < 0 { return Token(candidate.offset) }
    }
    return Token(candidates[weights.count - 1].offset)
  }

  private typealias Candidate = (offset: Int, element: Float)

  /// Those that may be drawn, in the order of their tokens: flags that exclude nobody change no draw.
  private func likeliest(
    _ candidates: [Candidate], _ weight: (Candidate) -> Double
  ) -> [Candidate] {
    // Of equal logits the first tokens stay.
    let ranked = candidates.sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
    var kept = ranked.prefix(topK ?? ranked.count)
    if let topP {
      let enough = topP * kept.map(weight).reduce(0, +)
      var sum = 0.0
      kept = kept.prefix { candidate in
        defer { sum += weight(candidate) }
        return sum < enough
      }
    }
    return kept.sorted { $0.offset < $1.offset }
  }
}

/// Why tokens cannot be drawn in some way.
public enum SamplerError: Error, Equatable, CustomStringConvertible {
  /// A setting is outside what makes sense.
  case outOfRange(name: String, value: String, range: String)

  /// A sentence for the user.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let range):
      "\(name) is \(value), it has to be \(range)"
    }
  }
}
