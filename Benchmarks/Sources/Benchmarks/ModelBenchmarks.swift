import LMN

/// The 71,489-parameter network: a training step of the published recipe, reading, decoding.
func measureModels(_ measurement: inout Measurement, in context: ExecutionContext) throws {
  var generator = SeededGenerator(seed: 1)
  let configuration = Configuration(vocabularySize: 65)
  var network = try LogarithmicMemoryNetwork(configuration, using: &generator)
  var optimizer = AdamW(for: network.stateDictionary)
  let (batch, length) = (16, 512)
  let windows = (0..<batch).map { _ in
    (0...length).map { _ in Token(generator.integer(below: 65)) }
  }

  // Multiply-adds of a token: per layer E²(12 + 4K) and 2E per slot seen; E·V for the head.
  let (E, K) = (configuration.width, configuration.banks)
  let slots = (1...length).reduce(0) { $0 + 1 + K * Tree(length: $1, banks: K).levels }
  let perToken =
    Double(configuration.layers)
    * (Double(E * E * (12 + 4 * K)) + 2 * Double(E * slots) / Double(length)) + Double(E * 65)
  let forward = 2 * perToken * Double(batch * length)

  ExecutionContext.$current.withValue(context) {
    let recorded = RecordedBatch(
      at: network, overBatchOf: batch, inputs: { TokenWindow(length: length) }
    ) { network, window in network.loss(of: window.inputs, targets: window.targets) }
    var optimizer = AdamW(for: network.stateDictionary)
    measurement.measure(
      "recorded training step, 71,489 parameters, B 16, L 512", operations: 3 * forward,
      context: context
    ) {
      _ = recorded.run()
      optimizer.update(recorded, learningRate: 1e-3)
    }
  }

  measurement.measure(
    "training step, 71,489 parameters, B 16, L 512", operations: 3 * forward, context: context
  ) {
    let model = network
    let (_, gradient) = valueWithGradient(at: model, overBatchOf: batch) { network, member in
      network.loss(
        of: Array(windows[member].dropLast()), targets: Array(windows[member].dropFirst()))
    }
    optimizer.update(&network, with: gradient, learningRate: 1e-3)
  }

  let trained = network
  measurement.measure(
    "forward, 71,489 parameters, B 16, L 512", operations: forward, context: context
  ) {
    _ = ExecutionContext.current.map(batch) { trained(windows[$0]).value.scalars[0] }
  }

  var session = Session(trained)
  session.read(windows[0])
  measurement.measure(
    "decode, 71,489 parameters, one token", operations: 2 * perToken, context: context
  ) { _ = session.step(1) }
}
