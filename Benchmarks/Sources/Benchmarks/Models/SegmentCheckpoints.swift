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
  /// Records the mean loss over the texts of another batch, cut into segments.
  ///
  /// Intermediate values of a segment are computed again in the backward pass; the states between
  /// segments are kept (gradient checkpointing, arXiv 1604.06174).
  convenience init(
    checkpointing network: LanguageNetwork, segments count: Int,
    texts: RecordedBatch<LanguageNetwork, TokenWindow>
  ) {
    let length = texts.inputs[0].length / count
    self.init(
      at: network, overBatchOf: texts.inputs.count, groups: 16,
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
    for (text, window) in zip(texts.inputs, inputs) {
      let (tokens, targets) = (text.inputs.elements, text.targets.elements)
      for (index, segment) in window.segments.enumerated() {
        let range = index * length..<(index + 1) * length
        segment.overwrite(inputs: Array(tokens[range])[...], targets: Array(targets[range])[...])
      }
    }
  }
}

extension LanguageNetwork {
  /// Loss of training of a segment, whose intermediate values are computed again in the backward pass.
  fileprivate func checkpointedLoss(
    of window: TokenWindow, after state: inout Trunk.State
  ) -> Variable {
    var (parameters, visited) = ([Variable](), self)
    visited.forEachParameter { parameters.append($1) }
    let (network, before) = (visited, state)
    let (results, after): ([Variable], Trunk.State) = Variable.recomputing(
      before.values + parameters
    ) { inputs in
      var (network, state, rest) = (network, before, inputs.makeIterator())
      state.replaceValues { rest.next()! }
      network.forEachParameter { $1 = rest.next()! }
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
