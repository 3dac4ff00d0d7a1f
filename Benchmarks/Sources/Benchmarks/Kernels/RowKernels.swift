import LMN

extension KernelBenchmark {
  /// Times RMSNorm and LayerNorm.
  func measureNorms(rows: Int) {
    let (x, dy, gain, bias) = (random(rows, E), random(rows, E), random(E), random(E))
    let (mean, scale) = (random(rows), random(rows))
    let (shape, count) = ("[\(rows), \(E)]", rows * E)
    measure("rmsNorm.forward \(shape)", .elementwise(count, operations: 4, arrays: 2)) {
      _ = x.rmsNorm(gain: gain, epsilon: 1e-6)
    }
    measure("rmsNorm.backward \(shape)", .elementwise(count, operations: 10, arrays: 3)) {
      _ = x.rmsNormPullback(dy, gain: gain, scale: scale)
    }
    measure("layerNorm.forward \(shape)", .elementwise(count, operations: 8, arrays: 2)) {
      _ = x.layerNorm(gain: gain, bias: bias, epsilon: 1e-5)
    }
    measure("layerNorm.backward \(shape)", .elementwise(count, operations: 16, arrays: 3)) {
      _ = x.layerNormPullback(dy, gain: gain, mean: mean, scale: scale)
    }
  }

  /// Times elementwise kernels: sum, dropout, activations.
  func measureElementwise(rows: Int) {
    let (x, y) = (random(rows, E), random(rows, E))
    measure("sum [\(rows), \(E)]", .elementwise(x.count, operations: 1, arrays: 3)) {
      _ = x.adding(y)
    }
    let draw = DropoutDraw(seed: 1)
    measure("dropout [\(rows), \(E)]", .elementwise(x.count, operations: 12, arrays: 2)) {
      _ = x.dropout(rate: 0.1, draw: draw, site: 0)
    }
    let (wide, dWide) = (random(rows, 4 * E), random(rows, 4 * E))
    func measureActivation(
      _ name: String, operations: Int, slope: Int, _ forward: () -> Tensor, _ backward: () -> Tensor
    ) {
      let shape = "[\(rows), \(4 * E)]"
      measure(
        "\(name).forward \(shape)",
        .elementwise(wide.count, operations: operations, arrays: 2)
      ) { _ = forward() }
      measure(
        "\(name).backward \(shape)", .elementwise(wide.count, operations: slope, arrays: 3)
      ) { _ = backward() }
    }
    measureActivation(
      "silu", operations: 16, slope: 20, { wide.silu() }, { wide.siluPullback(dWide) })
    measureActivation(
      "gelu", operations: 30, slope: 32, { wide.gelu() }, { wide.geluPullback(dWide) })
    measureActivation(
      "relu", operations: 1, slope: 1, { wide.relu() }, { wide.reluPullback(dWide) })
    measureActivation(
      "logSigmoid", operations: 30, slope: 16, { wide.logSigmoid() },
      { wide.logSigmoidPullback(dWide) })
  }

  /// Times embedding, bags of embeddings, sinusoids, cross-entropy and mean.
  func measureTokens(rows: Int) {
    var generator = SeededGenerator(seed: 1)
    let tokens = TokenBuffer((0..<rows).map { _ in Token(generator.integer(below: V)) })
    let (table, dx) = (random(V, E), random(rows, E))
    measure("embedding.forward [\(rows), \(E)]", .elementwise(rows * E, operations: 0, arrays: 2)) {
      _ = table.embedding(of: tokens)
    }
    measure("embedding.backward [\(rows), \(E)]", .elementwise(rows * E, operations: 1, arrays: 2))
    {
      _ = dx.embeddingPullback(of: tokens, vocabularySize: V)
    }
    let bags = Bags([(ids: Array(tokens.elements), scale: 1)])
    measure(
      "embeddingBag.forward [\(rows), \(E)]", .elementwise(rows * E, operations: 1, arrays: 1)
    ) { _ = table.embeddingBag(of: bags) }
    measure(
      "embeddingBag.backward [\(rows), \(E)]", .elementwise(rows * E, operations: 1, arrays: 1)
    ) { _ = dx.rows(0..<1).embeddingBagPullback(of: bags, vocabularySize: V) }
    let (positions, frequencies) = (
      PositionBuffer(0..<rows), Buffer((0..<E / 2).map { 1 / Double(1 + $0) })
    )
    measure("sinusoid [\(rows), \(E)]", .elementwise(rows * E, operations: 20, arrays: 1)) {
      _ = Tensor.sinusoids(at: positions, frequencies: frequencies, width: E)
    }
    let (logits, logNormalizer, losses) = (random(rows, V), random(rows), random(rows))
    measure(
      "crossEntropy.forward [\(rows), \(V)]", .elementwise(rows * V, operations: 16, arrays: 1)
    ) { _ = logits.crossEntropy(targets: tokens) }
    measure(
      "crossEntropy.backward [\(rows), \(V)]", .elementwise(rows * V, operations: 16, arrays: 2)
    ) {
      _ = logits.crossEntropyPullback(losses, targets: tokens, logNormalizer: logNormalizer)
    }
    measure("mean.forward [\(rows)]", .elementwise(rows, operations: 1, arrays: 1)) {
      _ = losses.mean()
    }
    let dMean = random(1)
    measure("mean.backward [\(rows)]", .elementwise(rows, operations: 0, arrays: 1)) {
      _ = dMean.meanPullback(shape: [rows])
    }
  }

  /// Times the kernels of pooling and forecasts: row maximum and prediction error.
  func measureHeads(rows: Int) {
    let (x, dy, weights) = (random(rows, E), random(1, E), Tensor(shape: [rows], repeating: 1))
    let (_, places) = x.rowMaximum(weights: weights)
    let (shape, count) = ("[\(rows), \(E)]", rows * E)
    measure("rowMaximum.forward \(shape)", .elementwise(count, operations: 1, arrays: 1)) {
      _ = x.rowMaximum(weights: weights)
    }
    measure("rowMaximum.backward \(shape)", .elementwise(count, operations: 1, arrays: 1)) {
      _ = dy.rowMaximumPullback(rows: places, count: rows)
    }
    let (targets, ones) = (random(rows, E), Tensor(shape: [rows, E], repeating: 1))
    measure("predictionErrors.forward \(shape)", .elementwise(count, operations: 3, arrays: 4)) {
      _ = x.predictionErrors(.squared, targets: targets, weights: ones)
    }
    measure("predictionErrors.backward \(shape)", .elementwise(count, operations: 4, arrays: 5)) {
      _ = x.predictionErrorsPullback(targets, .squared, targets: targets, weights: ones)
    }
  }

  /// Times AdamW and the squared norm for `count` parameters.
  func measureUpdate(of count: Int) {
    let gradient = random(count)
    var (value, first, second) = (
      random(count), random(count), Tensor(shape: [count], repeating: 1)
    )
    measureAlone("adamW [\(count)]", .elementwise(count, operations: 15, arrays: 7)) {
      value.overwriteByAdamW(
        gradient: gradient, first: &first, second: &second, step: 1, learningRate: 1e-3,
        gradientScale: 1, constants: AdamWConstants())
    }
    measureAlone("squaredNorm [\(count)]", .elementwise(count, operations: 2, arrays: 1)) {
      _ = gradient.squaredNorm
    }
  }
}
