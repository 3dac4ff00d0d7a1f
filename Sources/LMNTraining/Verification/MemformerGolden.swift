import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNModel

/// A Memformer of a golden file, with inputs and expected results.
struct MemformerGolden {
  let model: Memformer
  /// Segments of every row.
  let rows: [[[Token]]]
  /// Logits `[B, L, V]`, those of token i of segment t in column t S + i, and loss `[1]`.
  let logits, loss: Tensor
  /// Gradient per parameter.
  let gradient: StateDictionary

  init(_ file: GoldenFile) throws {
    let data = ["input_ids", "targets", "logits", "loss"]
    model = try naming(file: file.path) {
      let configuration = try MemformerConfiguration(json: file.configuration)
      return try Memformer.loading(file.parameters(besides: data)) {
        try Memformer(configuration, using: &$0)
      }
    }
    let (V, S) = (model.configuration.vocabularySize, model.configuration.segment)
    gradient = try file.gradient(of: model.stateDictionary, besides: data)
    let (inputs, targets) = try file.inputsAndTargets(vocabularySize: V, hasNone: true)
    rows = try targets.indices.map { row in
      let segments = stride(from: 0, to: targets[row].count, by: S).map { begin in
        Array(targets[row][begin..<min(begin + S, targets[row].count)].prefix { $0 >= 0 })
      }
      let present = Array(segments.prefix { !$0.isEmpty })
      if present.isEmpty { throw file.unusable("row \(row) of 'targets' has no tokens") }
      for (column, target) in targets[row].enumerated() {
        let (segment, place) = column.quotientAndRemainder(dividingBy: S)
        let isPresent = segment < present.count && place < present[segment].count
        if isPresent != (target >= 0) {
          throw file.unusable("'targets' has a token after an empty place, in row \(row)")
        }
        if isPresent, inputs[row][column] != target {
          throw file.unusable(
            "'input_ids' and 'targets' differ in row \(row), column \(column)")
        }
      }
      return present
    }
    logits = try file.tensor("logits", shape: [inputs.count, inputs[0].count, V])
    loss = try file.tensor("loss", shape: [1])
  }

  /// The model's results, compared with the expected ones.
  var items: [Verification.Item] {
    let count = rows.reduce(0) { $0 + $1.joined().count }
    let shares = rows.map { Float($0.joined().count * rows.count) / Float(count) }
    let (total, found) = valueWithGradient(at: model, overBatchOf: rows.count) { model, row in
      model.loss(of: rows[row]).scaled(by: shares[row])
    }
    return [
      item("logits, parallel") { segment, state in
        model.read(segment, after: &state).value.scalars
      },
      item("logits, sequential") { segment, state in
        segment.flatMap { token in
          let logits = model.predict(after: &state)
          model.append(token, to: &state)
          return logits.value.scalars
        }
      },
      item("logits, prefill in chunks") { segment, state in
        Verification.unevenChunks(of: TokenBuffer(segment)).flatMap {
          model.read(Array($0.elements), after: &state).value.scalars
        }
      },
      Verification.Item("loss", [total], with: loss.scalars),
    ] + Verification.items(comparing: found, with: gradient)
  }

  /// Comparison of the logits, computed segment by segment.
  private func item(
    _ name: String, _ read: ([Token], inout Memformer.State) -> [Float]
  ) -> Verification.Item {
    let (length, V) = (logits.shape[1], logits.shape[2])
    var found = [Float](repeating: 0, count: logits.count)
    for (row, segments) in rows.enumerated() {
      var state = model.initialState
      for (index, segment) in segments.enumerated() {
        let values = read(segment, &state)
        state.endSegment()
        let begin = (row * length + index * model.configuration.segment) * V
        found.replaceSubrange(begin..<begin + values.count, with: values)
      }
    }
    return Verification.Item(name, found, with: logits.scalars)
  }
}
