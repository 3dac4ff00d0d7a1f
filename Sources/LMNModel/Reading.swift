internal import LMNAutodiff
public import LMNKernels
internal import LMNLayers
public import LMNMemories

/// Cuts the next `count` tokens of a stream into stretches of `length`, and these into groups.
///
/// A group has a stretch for every thread, so memory is bounded, however many tokens there are.
/// Stretches begin at multiples of their length, where memories can work on them side by side.
func readingGroups(of count: Int, after start: Int, stretches length: Int) -> [[Range<Int>]] {
  let threads = ExecutionContext.current.threadCount
  var groups: [[Range<Int>]] = []
  var begin = 0
  while begin < count {
    let toBoundary = length - (start + begin) % length
    let whole = min(threads, (count - begin) / length)
    if toBoundary == length && whole > 0 {
      groups.append(
        (0..<whole).map { begin + $0 * length..<begin + ($0 + 1) * length })
    } else {
      groups.append([begin..<min(begin + toBoundary, count)])
    }
    begin = groups.last!.last!.upperBound
  }
  return groups
}

extension Session {
  /// Tokens that all threads together read at once: a text that comes in pieces of a multiple of
  /// this is read as fast as in one.
  public var tokensAtOnce: Int {
    network.trunk.stretchLength * ExecutionContext.current.threadCount
  }
}

extension Block {
  /// The parallel form without gradients, in memory that is small beyond input and output.
  ///
  /// - Parameters:
  ///   - x: `[L, E]`, the first L tokens of a stream, or the next L ones.
  ///   - state: What the tokens before left; becomes what these leave.
  /// - Returns: `[L, E]`.
  public func read(_ x: Tensor, after state: inout M.State) -> Tensor {
    Tensor(shape: x.shape) { output in
      for group in readingGroups(of: x.shape[0], after: 0, stretches: memory.stretchLength) {
        let outputs = read(group.map(x.rows), after: &state)
        for (range, rows) in zip(group, outputs) {
          rows.withScalars {
            (output + range.lowerBound * x.shape[1]).update(from: $0, count: rows.count)
          }
        }
      }
    }
  }

  /// The parallel form over stretches that follow each other, without gradients.
  func read(_ stretches: [Tensor], after state: inout M.State) -> [Tensor] {
    let context = ExecutionContext.current
    let normed = context.map(stretches.count) { index in
      memoryNorm(Variable(constant: stretches[index])).value
    }
    let remembered = memory.read(normed, after: &state)
    return context.map(stretches.count) { index in
      let x = Variable(constant: stretches[index].adding(remembered[index]))
      return (x + feedForward(feedForwardNorm(x))).value
    }
  }
}

extension Trunk {
  /// The parallel form over stretches that follow each other, without gradients; all threads work
  /// on them side by side.
  ///
  /// - Parameters:
  ///   - stretches: `[L, E]` each.
  ///   - state: What the tokens before left; becomes what these leave.
  /// - Returns: `[L, E]` for each, normed.
  public func read(_ stretches: [Tensor], after state: inout State) -> [Tensor] {
    var starts = [state[0].position]
    for stretch in stretches { starts.append(starts.last! + stretch.shape[0]) }
    let begins = starts
    var x = ExecutionContext.current.map(stretches.count) { index in
      positions(Variable(constant: stretches[index]), from: begins[index]).value
    }
    for index in blocks.indices { x = blocks[index].read(x, after: &state[index]) }
    let last = x
    return ExecutionContext.current.map(last.count) { index in
      finalNorm(Variable(constant: last[index])).value
    }
  }
}

extension LogarithmicMemoryNetwork {
  /// The parallel form over stretches that follow each other, without gradients: the logits `[L, V]`
  /// of each.
  func read(_ stretches: [ArraySlice<Token>], after state: inout State) -> [Tensor] {
    let context = ExecutionContext.current
    let embedded = context.map(stretches.count) { embedding(TokenBuffer(stretches[$0])).value }
    let read = trunk.read(embedded, after: &state)
    return context.map(read.count) { logits(of: Variable(constant: read[$0])).value }
  }
}
