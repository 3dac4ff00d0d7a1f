internal import CLMN

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Constants of AdamW (arXiv 1711.05101, algorithm 2).
public struct AdamWConstants: Sendable, Hashable, Codable {
  /// Decay rate of the running mean of gradients.
  public var beta1: Float = 0.9
  /// Decay rate of the running mean of squared gradients.
  public var beta2: Float = 0.999
  /// Added to the root of the mean square before the division.
  public var epsilon: Float = 1e-8
  /// Weight decay (decoupled), per step and unit of learning rate.
  public var weightDecay: Float = 0.01

  /// Creates the default constants.
  public init() {}
}

extension Tensor {
  /// One step of AdamW on the memory of `self`, even if it is shared: recordings read parameters at
  /// a fixed address.
  ///
  /// - Parameters:
  ///   - gradient: Gradient of the loss with respect to `self`, of the same shape.
  ///   - first: Running mean of the gradients, updated.
  ///   - second: Running mean of their squares, updated.
  ///   - step: Number of this step, from 1.
  ///   - learningRate: Learning rate.
  ///   - gradientScale: Factor on the gradient, from clipping.
  ///   - constants: Decay rates, epsilon and weight decay.
  public func overwriteByAdamW(
    gradient: Tensor, first: inout Tensor, second: inout Tensor, step: Int, learningRate: Float,
    gradientScale: Float, constants: AdamWConstants
  ) {
    expectAdamW(gradient.shape, first, second, step)
    withAdamW(&first, &second, step, learningRate, gradientScale, constants) { arguments in
      var arguments = arguments
      (arguments.count, arguments.gradient) = (count, gradient.base)
      ExecutionContext.current.run(lmn_adamw_update, arguments, on: gradient)
    }
  }

  /// One step of AdamW on the rows with a gradient; the other rows and their moments stay
  /// ("lazy": no moment decays, and no weight, while its row is not looked up).
  ///
  /// - Parameters:
  ///   - gradient: Gradient of the loss with respect to `self`.
  ///   - first: Running mean of the gradients, updated.
  ///   - second: Running mean of their squares, updated.
  ///   - step: Number of this step, from 1.
  ///   - learningRate: Learning rate.
  ///   - gradientScale: Factor on the gradient, from clipping.
  ///   - constants: Decay rates, epsilon and weight decay.
  public func overwriteRowsByAdamW(
    gradient: RowGradient, first: inout Tensor, second: inout Tensor, step: Int,
    learningRate: Float, gradientScale: Float, constants: AdamWConstants
  ) {
    expectAdamW(gradient.shape, first, second, step)
    withAdamW(&first, &second, step, learningRate, gradientScale, constants) { arguments in
      gradient.rows.withUnsafeBufferPointer { rows in
        var arguments = lmn_adamw_rows(step: arguments, width: shape[1], rows: rows.baseAddress)
        arguments.step.count = rows.count * shape[1]
        arguments.step.gradient = gradient.values.base
        lmn_adamw_rows_update(ExecutionContext.current.kernels, &arguments)
      }
    }
  }

  private func expectAdamW(_ gradient: [Int], _ first: Tensor, _ second: Tensor, _ step: Int) {
    precondition(
      gradient == shape && first.shape == shape && second.shape == shape && step > 0,
      "overwriteByAdamW: gradient \(gradient) of \(shape), step \(step)")
  }

  /// Calls `body` with the arguments of a step, except those of the gradient.
  private func withAdamW(
    _ first: inout Tensor, _ second: inout Tensor, _ step: Int, _ learningRate: Float,
    _ gradientScale: Float, _ constants: AdamWConstants, _ body: (lmn_adamw) -> Void
  ) {
    overwrite { value in
      first.withMutableScalars { first in
        second.withMutableScalars { second in
          body(
            lmn_adamw(
              count: 0, learning_rate: learningRate, beta1: constants.beta1,
              beta2: constants.beta2, epsilon: constants.epsilon,
              weight_decay: constants.weightDecay,
              correction1: Float(1 - pow(Double(constants.beta1), Double(step))),
              correction2: Float(1 - pow(Double(constants.beta2), Double(step))),
              gradient_scale: gradientScale, gradient: nil, value: value, first: first,
              second: second))
        }
      }
    }
  }
}
