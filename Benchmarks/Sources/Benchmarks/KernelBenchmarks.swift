import LMN

/// Every kernel at the shapes of the 71,489-parameter network, and the three named ones at a tiny
/// shape, where overhead shows.
func measureKernels(_ measurement: inout Measurement, in context: ExecutionContext) {
  var generator = SeededGenerator(seed: 1)
  func random(_ shape: Int...) -> Tensor {
    Tensor(
      shape: shape,
      scalars: (0..<shape.reduce(1, *)).map { _ in generator.uniform(in: -1..<1) })
  }
  func measure(
    _ name: String, operations: Int, values: Int, _ body: () -> Void
  ) {
    measurement.measure(
      name, operations: Double(operations), bytes: 4 * Double(values), context: context, body)
  }

  let (E, H, K, L, V) = (32, 4, 2, 512, 65)
  for (inner, columns) in [(E, E), (E, 2 * E), (E, 4 * E), (4 * E, E), (E, V), (256, 256)] {
    let (rows, x, w) = (16 * L, random(16 * L, inner), random(inner, columns))
    let (bias, dy) = (random(columns), random(16 * L, columns))
    let operations = 2 * rows * inner * columns
    let values = rows * (inner + columns) + inner * columns
    measure(
      "matmul.forward [\(rows), \(inner), \(columns)]", operations: operations, values: values
    ) {
      _ = x.matmul(w, bias: bias)
    }
    measure(
      "matmul.backwardRight [\(rows), \(inner), \(columns)]", operations: operations,
      values: values
    ) { _ = x.matmulPullback(ofRight: dy) }
  }

  for length in [4, L] {
    let tree = Tree(length: length, banks: K)
    let (N, made) = (tree.rowCount, tree.rowCount - length)
    let (x, nodes, dNodes) = (random(length, E), random(N, E), random(N, E))
    let carried = random(0, E)
    let (weight, bias) = (random(K, 2 * E, E), random(K, E))
    measure(
      "pairwiseSummary.forward L \(length)", operations: 4 * made * E * E, values: 3 * made * E
    ) { _ = x.pairwiseSummary(of: tree, carried: carried, weight: weight, bias: bias) }
    measure(
      "pairwiseSummary.backward L \(length)", operations: 8 * made * E * E, values: 6 * made * E
    ) { _ = nodes.pairwiseSummaryPullback(dNodes, of: tree, weight: weight) }

    let (taps, pointwise) = (random(K, 3, E), random(K, E, E))
    let mixed = x.separableConv(
      of: tree, carried: carried, taps: taps, pointwise: pointwise, bias: bias
    ).mixed
    measure(
      "separableConv.forward L \(length)", operations: made * E * (2 * E + 4),
      values: 4 * made * E
    ) {
      _ = x.separableConv(of: tree, carried: carried, taps: taps, pointwise: pointwise, bias: bias)
    }
    measure(
      "separableConv.backward L \(length)", operations: made * E * (4 * E + 9),
      values: 8 * made * E
    ) {
      _ = nodes.separableConvPullback(
        dNodes, of: tree, mixed: mixed, taps: taps, pointwise: pointwise)
    }

    let (slots, keys, dOutput) = (random(N, 2 * E), random(length, E), random(length, E))
    let (output, logNormalizer) = slots.singleVectorAttention(keys: keys, of: tree, heads: H)
    let seen = (0..<length).reduce(0) { $0 + 1 + K * Tree(length: $1 + 1, banks: K).levels }
    measure(
      "singleVectorAttention.forward L \(length)", operations: 4 * seen * E,
      values: 2 * N * E + 2 * length * E
    ) { _ = slots.singleVectorAttention(keys: keys, of: tree, heads: H) }
    measure(
      "singleVectorAttention.backward L \(length)", operations: 14 * seen * E,
      values: 4 * N * E + 4 * length * E
    ) {
      _ = slots.singleVectorAttentionPullback(
        dOutput, keys: keys, output: output, logNormalizer: logNormalizer, of: tree)
    }
  }

  let (x, dx, gain, bias) = (random(L, E), random(L, E), random(E), random(E))
  let scale = x.rmsNorm(gain: gain, epsilon: 1e-6).scale
  measure("rmsNorm.forward [\(L), \(E)]", operations: 4 * L * E, values: 2 * L * E) {
    _ = x.rmsNorm(gain: gain, epsilon: 1e-6)
  }
  measure("rmsNorm.backward [\(L), \(E)]", operations: 10 * L * E, values: 3 * L * E) {
    _ = x.rmsNormPullback(dx, gain: gain, scale: scale)
  }
  let norm = x.layerNorm(gain: gain, bias: bias, epsilon: 1e-5)
  measure("layerNorm.forward [\(L), \(E)]", operations: 8 * L * E, values: 2 * L * E) {
    _ = x.layerNorm(gain: gain, bias: bias, epsilon: 1e-5)
  }
  measure("layerNorm.backward [\(L), \(E)]", operations: 16 * L * E, values: 3 * L * E) {
    _ = x.layerNormPullback(dx, gain: gain, mean: norm.mean, scale: norm.scale)
  }

  let (wide, dWide) = (random(L, 4 * E), random(L, 4 * E))
  measure("silu.forward [\(L), \(4 * E)]", operations: 16 * wide.count, values: 2 * wide.count) {
    _ = wide.silu()
  }
  measure("silu.backward [\(L), \(4 * E)]", operations: 20 * wide.count, values: 3 * wide.count) {
    _ = wide.siluPullback(dWide)
  }
  measure("add [\(L), \(E)]", operations: L * E, values: 3 * L * E) { _ = x.adding(dx) }
  measure("rowSum [\(L), \(4 * E)]", operations: wide.count, values: wide.count) {
    _ = wide.summedRows()
  }
  measure("transpose [\(L), \(4 * E)]", operations: 0, values: 2 * wide.count) {
    // A view of most rows: a whole tensor keeps its transposed form.
    _ = wide.rows(1..<L).transposed
  }

  let tokens = TokenBuffer((0..<L).map { _ in Token(generator.integer(below: V)) })
  let (table, logits) = (random(V, E), random(L, V))
  measure("embedding.forward [\(L), \(E)]", operations: 0, values: 2 * L * E) {
    _ = table.embedding(of: tokens)
  }
  measure("embedding.backward [\(L), \(E)]", operations: L * E, values: 2 * L * E) {
    _ = x.embeddingPullback(of: tokens, vocabularySize: V)
  }
  let (losses, logNormalizer) = logits.crossEntropy(targets: tokens)
  measure("crossEntropy.forward [\(L), \(V)]", operations: 16 * L * V, values: L * V) {
    _ = logits.crossEntropy(targets: tokens)
  }
  measure("crossEntropy.backward [\(L), \(V)]", operations: 16 * L * V, values: 2 * L * V) {
    _ = logits.crossEntropyPullback(losses, targets: tokens, logNormalizer: logNormalizer)
  }

  let gradient = random(71_489)
  var (value, first, second) = (
    random(71_489), random(71_489), Tensor(shape: [71_489], repeating: 1)
  )
  measure("adamW [71489]", operations: 15 * 71_489, values: 7 * 71_489) {
    value.updateByAdamW(
      gradient: gradient, first: &first, second: &second, step: 1, learningRate: 1e-3,
      gradientScale: 1, constants: AdamWConstants())
  }
  measure("squaredNorm [71489]", operations: 2 * 71_489, values: 71_489) {
    _ = gradient.squaredNorm
  }
}
