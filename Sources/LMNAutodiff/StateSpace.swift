internal import LMNKernels

extension Variable {
  /// Diagonal state space model of every channel, over L tokens.
  ///
  ///     state = a · state + y[t],  s[t] = Σ Re(w · state) + skip · y[t]
  ///
  /// - Parameters:
  ///   - coefficients: `[P, 4, E]`: a and w, from
  ///     ``discretized(logStep:logDecay:frequency:output:)``.
  ///   - skip: `[E]`.
  ///   - states: `[2P, E]`, before the tokens: of every state the real part, then the imaginary one.
  /// - Returns: s `[L, E]` and the states after the tokens, `[2P, E]`; `self` is `[L, E]`.
  public func stateSpace(
    coefficients: Variable, skip: Variable, after states: Variable
  ) -> (s: Variable, states: Variable) {
    let (y, c, d) = (value, coefficients.value, skip.value)
    let (results, carried) = y.stateSpace(coefficients: c, skip: d, after: states.value)
    let both = Variable(
      results,
      Edge.joint([self, coefficients, skip, states]) { dy in
        let pulled = y.stateSpacePullback(dy, coefficients: c, skip: d, carried: carried)
        return [pulled.y, pulled.coefficients, pulled.skip, pulled.states]
      })
    let length = y.shape[0]
    return (both.rows(0..<length), both.rows(length..<results.shape[0]))
  }

  /// Coefficients of diagonal state space models, by zero-order hold.
  ///
  /// Of every state the real and imaginary parts of
  ///
  ///     a = exp(Δ A),  w = 2 C (a − 1) / A
  ///
  /// - Parameters:
  ///   - logStep: `[E]`, log Δ.
  ///   - logDecay: `[E, P]`, log(−Re A).
  ///   - frequency: `[E, P]`, Im A.
  ///   - output: `[E, P, 2]`, C.
  /// - Returns: `[P, 4, E]`.
  public static func discretized(
    logStep: Variable, logDecay: Variable, frequency: Variable, output: Variable
  ) -> Variable {
    let discretization = Discretization(
      logStep: logStep.value, logDecay: logDecay.value, frequency: frequency.value,
      output: output.value)
    return Variable(
      discretization.coefficients,
      Edge.joint([logStep, logDecay, frequency, output]) { dy in
        let pulled = discretization.pullback(dy)
        return [pulled.logStep, pulled.logDecay, pulled.frequency, pulled.output]
      })
  }
}
