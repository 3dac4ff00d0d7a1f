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
    // Equal logits stay in the order of their tokens, so a draw does not depend on the sort.
    let ranked = logits.scalars.enumerated().sorted {
      ($1.element, $0.offset) < ($0.element, $1.offset)
    }
    guard temperature > 0 else { return Token(ranked[0].offset) }
    let candidates = ranked.prefix(topK ?? ranked.count)
    let largest = Double(candidates[0].element)
    var weights = candidates.map { exp((Double($0.element) - largest) / temperature) }
    if let topP {
      let enough = topP * weights.reduce(0, +)
      var sum = 0.0
      let kept = weights.firstIndex { weight in
        sum += weight
        return sum >= enough
      }
      weights = Array(weights.prefix((kept ?? weights.count - 1) + 1))
    }
    var rest = Double(generator.uniform(in: 0..<1)) * weights.reduce(0, +)
    for (weight, candidate) in zip(weights, candidates) {
      rest -= weight
      if rest < 0 { return Token(candidate.offset) }
    }
    return Token(candidates[weights.count - 1].offset)
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
