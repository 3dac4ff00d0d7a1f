package import LMNKernels

/// Constants of Muon, which orthogonalizes the momentum of a matrix.
///
/// Source: Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024.
public struct MuonConstants: Sendable, Hashable, Codable {
  /// Decay rate of the running mean of gradients.
  public var momentum: Float = 0.95

  /// Creates the default constants.
  public init() {}
}

extension Tensor {
  /// Adds a gradient to a running mean, `self`.
  ///
  /// - Parameters:
  ///   - gradient: The gradient, of the same shape.
  ///   - scale: Factor on the gradient, from clipping.
  ///   - momentum: Decay rate of the mean.
  /// - Returns: The mean as it will be if the next gradient is the same (Nesterov's momentum).
  package mutating func average(_ gradient: Tensor, scale: Float, momentum: Float) -> Tensor {
    precondition(gradient.shape == shape, "average: gradient \(gradient.shape) of \(shape)")
    let count = count
    return Tensor(shape: shape) { ahead in
      withMutableScalars { mean in
        gradient.withScalars { gradient in
          for i in 0..<count {
            let added = (1 - momentum) * scale * gradient[i]
            mean[i] = momentum * mean[i] + added
            ahead[i] = momentum * mean[i] + added
          }
        }
      }
    }
  }

  /// Every matrix (the last two dimensions) made roughly orthogonal: the nearest one with orthonormal
  /// rows or columns, whichever are fewer, by five Newton–Schulz steps with Muon's coefficients.
  ///
  /// Singular values become 0.68 to 1.21, except those below 0.002 of the root of the sum of their
  /// squares, which become smaller. A matrix whose values are below 1e-30 stays as it is.
  package func orthogonalized() -> Tensor {
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let matrices = reshaped([count / columns, columns])
    let results = (0..<count / (rows * columns)).map { index in
      matrices.rows(index * rows..<(index + 1) * rows).orthogonalizedMatrix()
    }
    return .concatenatingRows(results).reshaped(shape)
  }

  private func orthogonalizedMatrix() -> Tensor {
    let norm = squaredNorm.squareRoot()
    guard norm > 1e-30 else { return self }
    let isTall = shape[0] > shape[1]
    let (count, factor) = (count, Float(1 / norm))
    var x = Tensor(shape: shape) { unit in
      withScalars { values in for i in 0..<count { unit[i] = factor * values[i] } }
    }
    if isTall { x = x.transposed }
    for _ in 0..<5 {
      // x ← (a + b S + c S²) x with S = x xᵀ.
      let square = x.matmul(x.transposed)
      x = square.combined(-4.775, with: square.matmul(square), 2.0315, diagonal: 3.4445).matmul(x)
    }
    return isTall ? x.transposed : x
  }

  /// `factor` · `self` + `otherFactor` · `other` + `diagonal` · identity, of square matrices.
  private func combined(
    _ factor: Float, with other: Tensor, _ otherFactor: Float, diagonal: Float
  ) -> Tensor {
    let count = count
    return Tensor(shape: shape) { result in
      withScalars { values in
        other.withScalars { others in
          for i in 0..<count { result[i] = factor * values[i] + otherFactor * others[i] }
        }
      }
      for i in 0..<shape[0] { result[i * shape[0] + i] += diagonal }
    }
  }

  /// One step of Muon on the memory of `self`, even if it is shared: recordings read parameters at a
  /// fixed address.
  ///
  /// Its values change as much as by AdamW with the same learning rate: by 0.2 of it, in the root mean
  /// square (arXiv 2502.16982, equation 4).
  ///
  /// - Parameters:
  ///   - direction: The orthogonalized mean of the gradients, of the same shape.
  ///   - learningRate: Learning rate.
  ///   - weightDecay: Weight decay (decoupled), per step and unit of learning rate.
  package func overwriteByMuon(_ direction: Tensor, learningRate: Float, weightDecay: Float) {
    precondition(direction.shape == shape, "overwriteByMuon: \(direction.shape) for \(shape)")
    let length = 0.2 * Float(max(shape[shape.count - 2], shape[shape.count - 1])).squareRoot()
    let (kept, factor) = (1 - learningRate * weightDecay, learningRate * length)
    overwrite { values in
      direction.withScalars { direction in
        for i in 0..<count { values[i] = kept * values[i] - factor * direction[i] }
      }
    }
  }
}
