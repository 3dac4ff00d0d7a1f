internal import LMNAutodiff
internal import LMNKernels

/// Memories that a router chose in examples of paired recall.
public struct RouterUse: Sendable, Equatable, Encodable {
  /// Fraction of all choices per memory, without a shared one.
  public let load: [Double]
  /// Purity: fraction of the keys that chose the same memories with their value and without.
  public let purity: Double
}

extension RouterUse {
  /// The use in one example.
  init(of choices: RouterChoices, in example: PairedRecall.Example) {
    let (chosen, routed) = (choices.chosen.elements, choices.routed)
    var counts = [Int](repeating: 0, count: choices.memories)
    for memory in chosen { counts[Int(memory)] += 1 }
    load = counts.map { Double($0) / Double(chosen.count) }

    let memories = example.keys.indices.map { Set(chosen[$0 * routed..<($0 + 1) * routed]) }
    let pairs = example.keys.count / 2
    let asked = Dictionary(
      uniqueKeysWithValues: zip(example.keys[pairs...], memories[pairs...]))
    purity =
      Double((0..<pairs).count { asked[example.keys[$0]] == memories[$0] }) / Double(pairs)
  }

  /// The use in all of several examples of one size.
  init(meanOf uses: [RouterUse]) {
    let count = Double(uses.count)
    load = uses[0].load.indices.map { memory in
      uses.reduce(0) { $0 + $1.load[memory] } / count
    }
    purity = uses.reduce(0) { $0 + $1.purity } / count
  }
}
