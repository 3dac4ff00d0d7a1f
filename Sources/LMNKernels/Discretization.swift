internal import CLMN

/// Continuous parameters of diagonal state space models (S4D, arXiv 2206.11893), one model of P
/// states per channel.
public struct Discretization: Sendable {
  /// `[E]`: logarithm of the step Δ.
  public let logStep: Tensor
  /// `[E, P]`: logarithm of −Re A.
  public let logDecay: Tensor
  /// `[E, P]`: Im A.
  public let frequency: Tensor
  /// `[E, P, 2]`: real and imaginary part of C.
  public let output: Tensor

  /// Parameters of E models.
  public init(logStep: Tensor, logDecay: Tensor, frequency: Tensor, output: Tensor) {
    let shape = logDecay.shape
    precondition(
      shape.count == 2 && logStep.shape == [shape[0]] && frequency.shape == shape
        && output.shape == shape + [2],
      "Discretization: shapes \(logStep.shape), \(shape), \(frequency.shape), \(output.shape)")
    self.logStep = logStep
    self.logDecay = logDecay
    self.frequency = frequency
    self.output = output
  }

  private var width: Int { logDecay.shape[0] }
  private var stateCount: Int { logDecay.shape[1] }

  /// Coefficients of the recurrences, by zero-order hold.
  ///
  /// `[P, 4, E]`: of every state the real and imaginary parts of
  ///
  ///     a = exp(Δ A),  w = 2 C (a − 1) / A
  public var coefficients: Tensor {
    let coefficients = Tensor(uninitialized: [stateCount, 4, width])
    ExecutionContext.current.run(
      lmn_discretization_forward,
      lmn_discretization(
        width: width, states: stateCount, log_dt: logStep.base, log_a_real: logDecay.base,
        a_imag: frequency.base, c: output.base, coefficients: coefficients.output),
      on: logStep, logDecay, frequency, output, coefficients)
    return coefficients
  }

  /// Pullback of ``coefficients``: the cotangents of the parameters given that of the result.
  ///
  /// - Parameter cotangent: `[P, 4, E]`.
  /// - Returns: Cotangents, each of the shape of its parameter.
  public func pullback(
    _ cotangent: Tensor
  ) -> (logStep: Tensor, logDecay: Tensor, frequency: Tensor, output: Tensor) {
    precondition(
      cotangent.shape == [stateCount, 4, width],
      "Discretization.pullback: \(cotangent.shape) of \(stateCount) states, width \(width)")
    let d_logStep = Tensor(uninitialized: logStep.shape)
    let d_logDecay = Tensor(uninitialized: logDecay.shape)
    let d_frequency = Tensor(uninitialized: frequency.shape)
    let d_output = Tensor(uninitialized: output.shape)
    ExecutionContext.current.run(
      lmn_discretization_backward,
      lmn_discretization_grad(
        width: width, states: stateCount, log_dt: logStep.base, log_a_real: logDecay.base,
        a_imag: frequency.base, c: output.base, d_coefficients: cotangent.base,
        d_log_dt: d_logStep.output, d_log_a_real: d_logDecay.output, d_a_imag: d_frequency.output,
        d_c: d_output.output),
      on: logStep, logDecay, frequency, output, cotangent, d_logStep, d_logDecay, d_frequency,
      d_output)
    return (d_logStep, d_logDecay, d_frequency, d_output)
  }
}
