internal import CLMN

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// AdamW's constants (arXiv 1711.05101, algorithm 2).
public struct AdamWConstants: Sendable, Hashable, Codable {
  /// How slowly the mean of the gradients moves.
  public var beta1: Float = 0.9
  /// How slowly the mean of their squares moves.
  public var beta2: Float = 0.999
  /// Keeps the quotient of the two finite.
  public var epsilon: Float = 1e-8
  /// What a value loses per step, in units of the learning rate.
  public var weightDecay: Float = 0.01

  /// The constants of the published recipe.
  public init() {}
}

extension Tensor {
  /// One step of AdamW, in place.
  ///
  /// - Parameters:
  ///   - gradient: The loss's gradient at `self`, of the same shape.
  ///   - first: Running mean of the gradients, updated.
  ///   - second: Running mean of their squares, updated.
  ///   - step: Which step this is, from 1.
  ///   - learningRate: The length of the step.
  ///   - gradientScale: A factor on the gradient, as clipping asks for.
  ///   - constants: The rest.
  public mutating func updateByAdamW(
    gradient: Tensor, first: inout Tensor, second: inout Tensor, step: Int, learningRate: Float,
    gradientScale: Float, constants: AdamWConstants
  ) {
    withMutableScalars { _ in }
    overwriteByAdamW(
      gradient: gradient, first: &first, second: &second, step: step, learningRate: learningRate,
      gradientScale: gradientScale, constants: constants)
  }

  /// The same for a parameter of a recording, which stays where it is.
  package func overwriteByAdamW(
    gradient: Tensor, first: inout Tensor, second: inout Tensor, step: Int, learningRate: Float,
    gradientScale: Float, constants: AdamWConstants
  ) {
    precondition(
      gradient.shape == shape && first.shape == shape && second.shape == shape && step > 0,
      "updateByAdamW: gradient \(gradient.shape) of \(shape), step \(step)")
    overwrite { value in
      first.withMutableScalars { first in
        second.withMutableScalars { second in
          ExecutionContext.current.run(
            lmn_adamw_update,
            lmn_adamw(
              count: count, learning_rate: learningRate, beta1: constants.beta1,
              beta2: constants.beta2, epsilon: constants.epsilon,
              weight_decay: constants.weightDecay,
              correction1: Float(1 - pow(Double(constants.beta1), Double(step))),
              correction2: Float(1 - pow(Double(constants.beta2), Double(step))),
              gradient_scale: gradientScale, gradient: gradient.base, value: value, first: first,
              second: second),
            on: gradient)
        }
      }
    }
  }
}
