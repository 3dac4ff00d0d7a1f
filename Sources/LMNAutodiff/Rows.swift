public import LMNKernels

extension Variable {
  /// Rows at `positions`, read at every run of a recording: `[M, E]` for `self` of `[rows, E]`.
  ///
  /// - Precondition: No row occurs twice.
  public func rows(at positions: PositionBuffer) -> Variable {
    let count = value.shape[0]
    return Variable(
      value.rows(at: positions), edge { dy in dy.rowsPullback(at: positions, of: count) })
  }

  /// Given rows, in order: `[M, E]` for `self` of `[rows, E]`.
  ///
  /// - Precondition: No row occurs twice.
  public func rows(at indices: [Int]) -> Variable {
    rows(at: PositionBuffer(indices.lazy.map(Int64.init)))
  }

  /// Consecutive rows, sharing storage: `[M, …]` for `self` of `[rows, …]`.
  public func rows(_ range: Range<Int>) -> Variable {
    let (count, inner) = (value.shape[0], value.shape.dropFirst())
    return Variable(
      value.rows(range),
      edge { dy in
        let others = [range.lowerBound, count - range.upperBound].map {
          Tensor(zeros: [$0] + inner)
        }
        return .concatenatingRows([others[0], dy, others[1]])
      })
  }

  /// Concatenation along the outermost dimension.
  ///
  /// - Precondition: There is at least one variable, and all agree in the inner dimensions.
  public static func concatenatingRows(_ variables: [Variable]) -> Variable {
    var ranges: [Range<Int>] = []
    for variable in variables {
      let begin = ranges.last?.upperBound ?? 0
      ranges.append(begin..<begin + variable.value.shape[0])
    }
    return Variable(
      .concatenatingRows(variables.map(\.value)),
      Edge.joint(variables) { [ranges] dy in ranges.map(dy.rows) })
  }

  /// Same value with another shape.
  public func reshaped(_ shape: [Int]) -> Variable {
    let own = value.shape
    return Variable(value.reshaped(shape), edge { dy in dy.reshaped(own) })
  }

  /// Every matrix (the last two dimensions) transposed.
  public var transposed: Variable {
    Variable(value.transposed, edge { dy in dy.transposed })
  }

  /// Same value as a constant, without gradient.
  public var detached: Variable { Variable(constant: value) }
}
