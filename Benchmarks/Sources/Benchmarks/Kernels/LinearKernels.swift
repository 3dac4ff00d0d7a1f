import LMN

extension Cost {
  /// Cost of a linear recurrence in chunks, in multiply-adds per token and head: d² for each product
  /// with the state, and half of a square chunk's products for each triangular one.
  ///
  /// Forward: query and state, update, QKᵀ and its product; with a delta rule key and state, KKᵀ and
  /// the solve. Backward: four and six, or with a delta rule six and twelve.
  static func linearRecurrence(
    rows: Int, heads: Int, width d: Int, chunk: Int, hasBeta: Bool, isBackward: Bool
  ) -> Cost {
    let (states, triangles) =
      isBackward ? (hasBeta ? (6, 12) : (4, 6)) : (hasBeta ? (3, 4) : (2, 2))
    let perToken = states * d * d + triangles * chunk * d / 2
    return Cost(
      operations: 2 * rows * heads * perToken, values: (isBackward ? 9 : 4) * rows * heads * d)
  }
}

extension KernelBenchmark {
  /// Times the kernels of linear-attention memories and their mixtures, at the sizes of a small and
  /// of a wide network.
  func measureLinear() {
    for (rows, heads, width) in [(L, H, 8), (2048, 4, 64)] {
      for rule in LinearRule.allCases {
        measureRecurrence(rule, rows: rows, heads: heads, width: width)
      }
      measureRows(rows: rows, width: heads * width, headWidth: width)
      measureRouting(rows: rows, width: heads * width)
    }
  }

  private func measureRecurrence(_ rule: LinearRule, rows: Int, heads: Int, width: Int) {
    let hasBeta = rule == .delta || rule == .gatedDelta
    let decays: Int? = rule == .gatedLinear ? heads * width : rule == .gatedDelta ? heads : nil
    let scale = 1 / Float(width).squareRoot()
    let recurrence = LinearRecurrence(
      queries: random(rows, heads * width, scale: scale),
      keys: random(rows, heads * width, scale: scale), values: random(rows, heads * width),
      beta: hasBeta ? Tensor(shape: [rows, heads], repeating: 0.5) : nil,
      decay: decays.map { Tensor(shape: [rows, $0], repeating: -0.05) }, heads: heads)
    let (state, segments) = (random(1, heads, width, width), Segments(rows: rows))
    let results = recurrence(after: state, of: segments, keepsStates: true)
    let shape = "[\(rows), \(heads)·\(width)]"
    func cost(isBackward: Bool) -> Cost {
      .linearRecurrence(
        rows: rows, heads: heads, width: width, chunk: recurrence.chunk, hasBeta: hasBeta,
        isBackward: isBackward)
    }
    measure("linearRecurrence.forward \(rule) \(shape)", cost(isBackward: false)) {
      _ = recurrence(after: state, of: segments, keepsStates: true)
    }
    let (d_output, d_state) = (random(rows, heads * width), random(1, heads, width, width))
    measure("linearRecurrence.backward \(rule) \(shape)", cost(isBackward: true)) {
      _ = recurrence.pullback(
        ofOutput: d_output, nextState: d_state, results: results, after: state, of: segments)
    }
  }

  private func measureRows(rows: Int, width: Int, headWidth: Int) {
    let (x, taps, history) = (random(rows, width), random(4, width), random(1, 3, width))
    let segments = Segments(rows: rows)
    measure(
      "shortConv.forward [\(rows), \(width)]",
      .elementwise(rows * width, operations: 20, arrays: 2)
    ) { _ = x.shortConv(taps: taps, history: history, of: segments) }
    measure(
      "shortConv.backward [\(rows), \(width)]",
      .elementwise(rows * width, operations: 40, arrays: 3)
    ) {
      _ = x.shortConvPullback(
        ofActivated: x, nextHistory: history, taps: taps, history: history, of: segments)
    }
    measure(
      "featureMap.forward [\(rows), \(width)]",
      .elementwise(rows * width, operations: 3, arrays: 2)
    ) { _ = x.features(.identity, width: headWidth, isNormalized: true, scale: 1) }
    measure(
      "siluGate.forward [\(rows), \(width)]",
      .elementwise(rows * width, operations: 14, arrays: 3)
    ) { _ = x.gated(bySiLUOf: x) }
  }

  private func measureRouting(rows: Int, width: Int) {
    let (x, logits) = (random(rows, width), random(rows, 4))
    let choices = logits.routed(to: 2)
    let grouping = Grouping(choices, isShared: true)
    let dispatched = x.dispatched(by: grouping)
    let weight = random(5, width, width)
    measure("router.forward [\(rows), 4]", .elementwise(rows * 4, operations: 30, arrays: 2)) {
      _ = logits.routed(to: 2)
    }
    measure("grouping [\(rows), 2 of 4]", .elementwise(rows * 3, operations: 1, arrays: 2)) {
      _ = Grouping(choices, isShared: true)
    }
    measure(
      "dispatch.forward [\(rows), \(width)]",
      .elementwise(3 * rows * width, operations: 1, arrays: 2)
    ) { _ = x.dispatched(by: grouping) }
    measure(
      "combine.forward [\(rows), \(width)]",
      .elementwise(3 * rows * width, operations: 2, arrays: 2)
    ) { _ = dispatched.combined(by: grouping, weights: choices.weights) }
    measure(
      "groupedMatmul.forward [3·\(rows), \(width), \(width)]",
      .matmul(rows: 3 * rows, inner: width, columns: width)
    ) { _ = dispatched.groupedMatmul(weight, of: grouping.segments) }
  }
}
