/// Samples combinations of one value per list, without repetition, from the full product of the
/// lists shuffled by `seed`.
///
/// Values by index, such as `list[index % list.count]`, would never give some pairs.
///
/// - Parameters:
///   - count: Number of combinations; fewer if the product is smaller, more if every value of every
///     list would not occur otherwise.
///   - lists: The values, at least one per list.
///   - seed: Random seed of the shuffle.
/// - Returns: The combinations; every value of every list occurs in at least one.
public func combinations<each Value>(
  _ count: Int, of lists: repeat [each Value], seed: UInt64 = 1
) -> [(repeat each Value)] {
  var counts: [Int] = []
  for list in repeat each lists { counts.append(list.count) }
  let total = counts.reduce(1, *)
  var values = SeededValues(seed: seed)
  var (drawn, others): ([Int], [Int]) = ([], [])
  var missing = counts.map { Set(0..<$0) }
  for number in (0..<total).shuffled(using: &values) {
    let isNew = digits(of: number, counts).enumerated().reduce(false) {
      missing[$1.offset].remove($1.element) != nil || $0
    }
    if isNew { drawn.append(number) } else { others.append(number) }
  }
  drawn += others.prefix(max(0, count - drawn.count))
  return drawn.map { number in
    var places = digits(of: number, counts)[...]
    return (repeat (each lists)[places.removeFirst()])
  }
}

/// A number's digits, each in the base of its place, the lowest first.
private func digits(of number: Int, _ bases: [Int]) -> [Int] {
  var rest = number
  return bases.map { base in
    defer { rest /= base }
    return rest % base
  }
}
