import LMN

/// Segments of a text, a window each.
struct SegmentedWindow: RecordedInput {
  let segments: [TokenWindow]

  func placeholder() -> SegmentedWindow {
    SegmentedWindow(segments: segments.map { $0.placeholder() })
  }

  func overwrite(with other: SegmentedWindow) {
    for (segment, other) in zip(segments, other.segments) { segment.overwrite(with: other) }
  }
}

extension RecordedBatch where M == LanguageNetwork, Input == SegmentedWindow {
  /// Records the mean loss over texts of one token more than is read, cut into segments.
  ///
  /// Intermediate values of a segment are computed again in the backward pass; the states between
  /// segments are kept (gradient checkpointing, arXiv 1604.06174).
  convenience init(
    checkpointing network: LanguageNetwork, segments count: Int, texts: [[Token]]
  ) {
    let length = (texts[0].count - 1) / count
    self.init(
      at: network, overBatchOf: texts.count, groups: 16,
      inputs: { network in
        SegmentedWindow(
          segments: (0..<count).map { _ in
            TokenWindow(length: length, vocabularySize: network.configuration.vocabularySize)
          })
      }
    ) { network, window in
      var (state, losses) = (network.initialState, [Variable]())
      for segment in window.segments {
        losses.append(network.checkpointedLoss(of: segment, after: &state))
      }
      return RecordedResult(value: Variable.concatenatingRows(losses).mean())
    }
    for (text, window) in zip(texts, inputs) {
      for (index, segment) in window.segments.enumerated() {
        let range = index * length..<(index + 1) * length
        segment.overwrite(
          inputs: text[range], targets: text[range.lowerBound + 1...range.upperBound])
      }
    }
  }
}

extension LanguageNetwork {
  /// Loss of training of a segment, whose intermediate values are computed again in the backward pass.
  fileprivate func checkpointedLoss(
    of window: TokenWindow, after state: inout Trunk.State
  ) -> Variable {
    let before = state
    let (results, after): ([Variable], Trunk.State) = recomputing(before.values) {
      network, inputs in
      var (state, rest) = (before, inputs.makeIterator())
      state.replaceValues { rest.next()! }
      var pass = network.trunk.pass(after: state.position, length: window.length)
      let loss = network.trainingLoss(
        of: window.inputs, targets: window.targets, after: &state, &pass)
      return ([loss.total] + state.values, state)
    }
    var rest = results.dropFirst().makeIterator()
    state = after
    state.replaceValues { rest.next()! }
    return results[0]
  }
}

extension Trunk.State {
  /// Tensors of all blocks.
  fileprivate var values: [Variable] { blocks.flatMap { $0.parts.map(\.value) } }

  /// Replaces the tensors of all blocks.
  fileprivate mutating func replaceValues(by next: () -> Variable) {
    for block in blocks.indices {
      for part in blocks[block].parts.indices { blocks[block].parts[part].value = next() }
    }
  }
}

/// Blocks of a text for a Memformer, each of whole segments.
struct SegmentedText: RecordedInput {
  /// A segment to predict, after one that is read.
  struct Part {
    let source, inputs, targets: TokenBuffer
  }

  let blocks: [[Part]]

  func placeholder() -> SegmentedText {
    SegmentedText(
      blocks: blocks.map { block in
        block.map { part in
          func zeros(_ tokens: TokenBuffer) -> TokenBuffer {
            TokenBuffer(repeatElement(0, count: tokens.count))
          }
          return Part(
            source: zeros(part.source), inputs: zeros(part.inputs), targets: zeros(part.targets))
        }
      })
  }

  func overwrite(with other: SegmentedText) {
    for (part, other) in zip(blocks.joined(), other.blocks.joined()) {
      part.source.overwrite(with: other.source)
      part.inputs.overwrite(with: other.inputs)
      part.targets.overwrite(with: other.targets)
    }
  }
}

extension RecordedBatch where M == Memformer, Input == SegmentedText {
  /// Records the mean loss over texts, cut into blocks.
  ///
  /// Intermediate values of a block are computed again in the backward pass; the slots between blocks are
  /// kept.
  convenience init(
    checkpointing model: Memformer, blocks count: Int, texts: [[Token]]
  ) {
    let S = model.configuration.segment
    let blocks = texts.map { tokens in
      let parts = stride(from: 0, to: tokens.count, by: S).map { first in
        SegmentedText.Part(
          source: TokenBuffer(first == 0 ? [model.beginning] : tokens[first - S..<first]),
          inputs: TokenBuffer([model.beginning] + tokens[first..<first + S - 1]),
          targets: TokenBuffer(tokens[first..<first + S]))
      }
      let size = parts.count / count
      return (0..<count).map { Array(parts[$0 * size..<($0 + 1) * size]) }
    }
    self.init(
      at: model, overBatchOf: blocks.count, groups: 16,
      inputs: { _ in SegmentedText(blocks: blocks[0]).placeholder() }
    ) { model, text in
      var (slots, losses) = (model.initialState.slots, [Variable]())
      for block in text.blocks { losses.append(model.checkpointedLoss(of: block, after: &slots)) }
      return RecordedResult(value: Variable.concatenatingRows(losses).mean())
    }
    for (input, blocks) in zip(inputs, blocks) {
      input.overwrite(with: SegmentedText(blocks: blocks))
    }
  }
}

extension Memformer {
  /// Loss of a block, whose intermediate values are computed again in the backward pass.
  fileprivate func checkpointedLoss(
    of block: [SegmentedText.Part], after slots: inout Variable
  ) -> Variable {
    let results = recomputing([slots]) { model, inputs in
      var slots = inputs[0]
      let losses = block.map { part in
        let source = model.encode(part.source, rewriting: &slots)
        return model.head(model.decode(part.inputs, readingFrom: source))
          .crossEntropy(targets: part.targets).mean()
      }
      return ([.concatenatingRows(losses).mean(), slots], ())
    }.results
    slots = results[1]
    return results[0]
  }
}
