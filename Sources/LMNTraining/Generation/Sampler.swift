public import LMNKernels
public import LMNLayers

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Sampling of the next token from logits.
public struct Sampler: Sendable, Equatable {
  /// Temperature: divides the logits; 0 selects the likeliest token.
  public var temperature: Double = 1
  /// Top-k: number of likeliest tokens to draw from; nil for all.
  public var topK: Int?
  /// Top-p: draw only from the likeliest tokens whose probabilities sum to at least this; nil for
  /// all.
  public var topP: Double?

  /// A sampler with temperature 1 and without top-k and top-p.
  public init() {}

  /// Throws unless all settings are in range.
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

  /// Working memory for sampling, allocated once and reused between draws.
  public struct Workspace: Sendable {
    fileprivate var weights: [Double] = []
    fileprivate var heap: [Token] = []

    /// An empty workspace.
    public init() {}
  }

  /// Draws a token.
  ///
  /// The weights are `exp(logit / temperature)`. Among equal logits, lower token numbers rank
  /// first. Top-k keeps the k likeliest tokens; then top-p keeps the likeliest of these that have
  /// the fraction p of their total weight. Temperature is applied before both.
  ///
  /// - Parameters:
  ///   - logits: `[V]`.
  ///   - generator: Random numbers.
  ///   - workspace: Working memory.
  /// - Returns: The token.
  public func sample(
    _ logits: Tensor, using generator: inout SeededGenerator, in workspace: inout Workspace
  ) -> Token {
    logits.withScalars { scalars in
      let logits = UnsafeBufferPointer(start: scalars, count: logits.count)
      var largest = 0
      for token in 1..<logits.count where logits[token] > logits[largest] { largest = token }
      guard temperature > 0 else { return Token(largest) }
      workspace.weights.removeAll(keepingCapacity: true)
      for logit in logits {
        workspace.weights.append(exp((Double(logit) - Double(logits[largest])) / temperature))
      }
      // Draws iterate over tokens in their order, so settings that exclude no token change no draw.
      let last = topK == nil && topP == nil ? nil : lastKept(logits, &workspace)
      func isKept(_ token: Int) -> Bool {
        last.map { !logits.isLikelier($0, than: Token(token)) } ?? true
          || last == Token(token)
      }
      var total = 0.0
      for token in 0..<logits.count where isKept(token) { total += workspace.weights[token] }
      var rest = Double(generator.uniform(in: 0..<1)) * total
      var drawn = largest
      for token in 0..<logits.count where isKept(token) {
        rest -= workspace.weights[token]
        drawn = token
        if rest < 0 { break }
      }
      return Token(drawn)
    }
  }

  /// Draws a token with a new workspace.
  public func sample(_ logits: Tensor, using generator: inout SeededGenerator) -> Token {
    var workspace = Workspace()
    return sample(logits, using: &generator, in: &workspace)
  }

  /// The unlikeliest token that top-k and top-p keep.
  private func lastKept(
    _ logits: UnsafeBufferPointer<Float>, _ workspace: inout Workspace
  ) -> Token {
    let most = min(topK ?? logits.count, logits.count)
    workspace.heap.removeAll(keepingCapacity: true)
    for token in 0..<logits.count { workspace.heap.append(Token(token)) }
    // The likeliest tokens in descending order, from the end of the array.
    workspace.heap.sortLikeliest(most, by: logits)
    let count = logits.count
    var total = 0.0
    for rank in 1...most { total += workspace.weights[Int(workspace.heap[count - rank])] }
    guard let topP else { return workspace.heap[count - most] }
    var (rank, sum) = (1, workspace.weights[Int(workspace.heap[count - 1])])
    while rank < most && sum < topP * total {
      rank += 1
      sum += workspace.weights[Int(workspace.heap[count - rank])]
    }
    return workspace.heap[count - rank]
  }
}

extension UnsafeBufferPointer<Float> {
  /// Whether a token has the larger logit, or an equal one and the lower number.
  fileprivate func isLikelier(_ token: Token, than other: Token) -> Bool {
    let (logit, otherLogit) = (self[Int(token)], self[Int(other)])
    return logit == otherLogit ? token < other : logit > otherLogit
  }
}

extension [Token] {
  /// Moves the `most` likeliest tokens to the end, the likeliest last, by heapsort without
  /// allocations.
  fileprivate mutating func sortLikeliest(_ most: Int, by logits: UnsafeBufferPointer<Float>) {
    let parents = count / 2
    for index in 0..<parents {
      let parent = parents - 1 - index
      siftDown(self[parent], from: parent, below: count, logits)
    }
    for index in 0..<most {
      let end = count - 1 - index
      let last = self[end]
      self[end] = self[0]
      siftDown(last, from: 0, below: end, logits)
    }
  }

  /// Puts `token` at `root` or below it in the heap of the first `end` tokens.
  private mutating func siftDown(
    _ token: Token, from root: Int, below end: Int, _ logits: UnsafeBufferPointer<Float>
  ) {
    var place = root
    while 2 * place + 1 < end {
      var child = 2 * place + 1
      if child + 1 < end && logits.isLikelier(self[child + 1], than: self[child]) { child += 1 }
      if !logits.isLikelier(self[child], than: token) { break }
      self[place] = self[child]
      place = child
    }
    self[place] = token
  }
}

/// An invalid sampling setting.
public enum SamplerError: Error, Equatable, CustomStringConvertible {
  /// A setting is out of range.
  case outOfRange(name: String, value: String, range: String)

  /// A sentence with name, value and range.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let range):
      "\(name) is \(value), it has to be \(range)"
    }
  }
}
