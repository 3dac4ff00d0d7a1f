import LMNAutodiff
import LMNKernels
import LMNModel

extension LanguageNetwork {
  /// Number of targets predicted correctly (as the likeliest token), in parallel form; ignored
  /// targets do not count.
  func rightAnswers(to examples: [Example]) -> Int {
    ExecutionContext.current.map(examples.count) { index in
      self(examples[index].inputs).value.rightAnswers(to: examples[index].targets)
    }.reduce(0, +)
  }

  /// Number of examples all of whose targets are predicted correctly, in parallel form.
  func wholeAnswers(to examples: [Example]) -> Int {
    ExecutionContext.current.map(examples.count) { index in
      let targets = examples[index].targets
      let right = self(examples[index].inputs).value.rightAnswers(to: targets)
      return right == targets.count { $0 >= 0 } ? 1 : 0
    }.reduce(0, +)
  }

  /// Greedy continuations of texts: `count` tokens each, decoded in sequential form.
  func continuations(of texts: [[Token]], count: Int) -> [[Token]] {
    let read = ExecutionContext.current.map(texts.count) { index in
      var session = Session(self)
      let logits = session.read(texts[index])
      precondition(logits != nil, "continuations: text \(index) is empty")
      return (state: session.state, next: logits!.reshaped([1, logits!.count]).likeliestTokens[0])
    }
    guard count > 1 else { return read.map { [$0.next] } }
    var batch = SessionBatch(self, states: read.map(\.state))
    var written = read.map { [$0.next] }
    for _ in 1..<count {
      let next = batch.step(written.map { $0[$0.count - 1] }).likeliestTokens
      for (index, token) in next.enumerated() { written[index].append(token) }
    }
    return written
  }
}

extension Tensor {
  /// Number of targets predicted correctly by a row of logits `[M, V]` each; ignored targets do not
  /// count.
  func rightAnswers(to targets: [Token]) -> Int {
    let asked = targets.indices.filter { targets[$0] >= 0 }
    return zip(asked, rows(at: asked).likeliestTokens).count { targets[$0] == $1 }
  }

  /// Index of the largest logit in each row of `[M, V]`; the first of equal ones.
  var likeliestTokens: [Token] {
    let (scalars, width) = (scalars, shape[1])
    return (0..<shape[0]).map { row in
      var best = 0
      for token in 1..<width where scalars[row * width + token] > scalars[row * width + best] {
        best = token
      }
      return Token(best)
    }
  }
}
