import LMN

extension KernelBenchmark {
  /// Times diagonal state space models of a narrow and a wide network, their discretization, and
  /// steps of one stream.
  func measureStateSpaces() {
    for (length, width) in [(L, E), (2048, 256)] {
      measureStateSpace(length: length, width: width, stateWidth: 64)
    }
    for rows in [4, L] {
      let (x, dy) = (random(rows, 2 * E), random(rows, E))
      let cost = { Cost.elementwise(rows * E, operations: $0, arrays: $1) }
      measure("gatedLinearUnit.forward [\(rows), \(2 * E)]", cost(14, 3)) {
        _ = x.gatedLinearUnit()
      }
      measure("gatedLinearUnit.backward [\(rows), \(2 * E)]", cost(28, 5)) {
        _ = x.gatedLinearUnitPullback(dy)
      }
    }
  }

  private func measureStateSpace(length: Int, width e: Int, stateWidth: Int) {
    let (states, shape) = (stateWidth / 2, "L \(length), E \(e), N \(stateWidth)")
    let discretization = Discretization(
      logStep: Tensor(shape: [e], repeating: -4),
      logDecay: Tensor(shape: [e, states], repeating: -0.7), frequency: random(e, states),
      output: random(e, states, 2))
    let (y, skip) = (random(length, e), random(e))
    let (coefficients, before) = (discretization.coefficients, random(stateWidth, e))
    let forward = y.stateSpace(coefficients: coefficients, skip: skip, after: before)
    measure("stateSpace.forward \(shape)", .stateSpace(length: length, width: e, states: states)) {
      _ = y.stateSpace(coefficients: coefficients, skip: skip, after: before)
    }
    measure(
      "stateSpace.backward \(shape)",
      .stateSpaceBackward(length: length, width: e, states: states)
    ) {
      _ = y.stateSpacePullback(
        forward.results, coefficients: coefficients, skip: skip, carried: forward.carried)
    }
    let (token, stream) = (random(1, e), StateSpaceStates(streams: 1, states: states, width: e))
    stream.load(before, at: 0)
    measure(
      "stateSpace.step E \(e), N \(stateWidth)", .stateSpaceStep(width: e, states: states)
    ) { _ = token.stateSpace(coefficients: coefficients, skip: skip, updating: stream) }

    let parameters = "E \(e), N \(stateWidth)"
    measure("discretization.forward \(parameters)", .discretization(width: e, states: states)) {
      _ = discretization.coefficients
    }
    measure(
      "discretization.backward \(parameters)", .discretizationBackward(width: e, states: states)
    ) { _ = discretization.pullback(coefficients) }
  }
}
