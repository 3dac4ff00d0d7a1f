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
    let scalars = logits.scalars
    let largest = scalars.indices.reduce(0) { scalars[$1] > scalars[$0] ? $1 : $0 }
    guard temperature > 0 else { return Token(largest) }
    var candidates = scalars.enumerated().map { token, logit in
      Candidate(
        token: Token(token), logit: logit,
        weight: exp((Double(logit) - Double(scalars[largest])) / temperature))
    }
    if topK != nil || topP != nil { candidates = likeliest(candidates) }
    var rest = Double(generator.uniform(in: 0..<1)) * candidates.reduce(0) { $0 + $1.weight }
    for candidate in candidates {
      rest -= candidate.weight
      if rest < 0 { return candidate.token }
    }
    return candidates.last!.token
  }

  private struct Candidate {
    let token: Token
    let logit: Float
    let weight: Double
  }

  /// Those that may be drawn, in the order of their tokens: flags that exclude nobody change no draw.
  private func likeliest(_ candidates: [Candidate]) -> [Candidate] {
    // Of equal logits the first tokens stay.
    let ranked = candidates.sorted { ($1.logit, $0.token) < ($0.logit, $1.token) }
    var kept = ranked.prefix(topK ?? ranked.count)
    if let topP {
      let enough = topP * kept.reduce(0) { $0 + $1.weight }
      var sum = 0.0
      kept = kept.prefix { candidate in
        defer { sum += candidate.weight }
        return sum < enough
      }
    }
    return kept.sorted { $0.token < $1.token }
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
