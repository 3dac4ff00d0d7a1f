import LMN

/// Times kernels on memory that is allocated beforehand.
struct KernelBenchmark {
  let results: Results
  let context: ExecutionContext

  /// Records an operation once, then times its runs: the kernels without allocations.
  ///
  /// - Parameters:
  ///   - name: Kernel, direction and shape.
  ///   - cost: Cost of one run.
  ///   - runs: Number of runs that are timed together, for runs that differ in cost.
  ///   - peer: The same computation by OpenBLAS; if given, both are timed in turns.
  ///   - operation: Operation to record.
  func measure(
    _ name: String, _ cost: Cost, runs: Int = 1, beside peer: (() -> Void)? = nil,
    of operation: () -> Void
  ) {
    guard results.wants(name) else { return }
    let recording = Recording(in: context, of: operation)
    measureAlone(name, cost, runs: runs, beside: peer) { recording.run(in: context) }
  }

  /// Times an operation that allocates nothing but cannot be recorded.
  func measureAlone(
    _ name: String, _ cost: Cost, runs: Int = 1, beside peer: (() -> Void)? = nil,
    of run: () -> Void
  ) {
    guard results.wants(name) else { return }
    func seconds(of repetitions: Int, _ run: () -> Void) -> Double {
      ContinuousClock().measure { for _ in 0..<repetitions { run() } } / .seconds(1)
    }
    ExecutionContext.$current.withValue(context) {
      var repetitions = runs
      if results.iterations > 1 {
        while seconds(of: repetitions, run) < Self.shortest { repetitions *= 2 }
      }
      var peers: [Double] = []
      let limit = peer == nil ? 0.25 : 0.5
      let timing = Timing(iterations: results.iterations, within: limit) {
        if let peer { peers.append(seconds(of: repetitions, peer)) }
        return seconds(of: repetitions, run)
      }
      let runs = Double(repetitions)
      results.add(
        name, cost, in: context, median: timing.median / runs, minimum: timing.minimum / runs)
      guard !peers.isEmpty else { return }
      peers.sort()
      let median = peers[peers.count / 2]
      results.add(
        name, cost, in: context, median: median / runs, minimum: peers[0] / runs,
        ratio: median / timing.median)
    }
  }

  /// Smallest duration of a sample in seconds, well above the resolution of the clock.
  private static let shortest = 20e-6

  /// Tensor of values uniform in ±`scale`.
  func random(_ shape: Int..., scale: Float = 1) -> Tensor {
    var generator = SeededGenerator(seed: 1)
    return Tensor(shape: shape) { base in
      for index in 0..<shape.reduce(1, *) { base[index] = generator.uniform(in: -scale..<scale) }
    }
  }
}

/// Sizes of the 71,489-parameter network, by their symbols.
let (E, K, H, L, V) = (32, 2, 4, 512, 65)

/// Times every kernel at the shapes of the models, and at a tiny shape, where overhead shows.
func measureKernels(_ benchmark: KernelBenchmark) {
  benchmark.measureMatrices()
  benchmark.measureTrees()
  benchmark.measureAttention()
  benchmark.measureCausalAttention()
  benchmark.measureSlots()
  benchmark.measureSteps()
  benchmark.measureLinear()
  benchmark.measureStateSpaces()
  for rows in [4, L] {
    benchmark.measureNorms(rows: rows)
    benchmark.measureElementwise(rows: rows)
    benchmark.measureTokens(rows: rows)
    benchmark.measureHeads(rows: rows)
  }
  for count in [E, 71_489] { benchmark.measureUpdate(of: count) }
}
