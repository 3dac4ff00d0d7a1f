public import LMNKernels

extension Variable {
  /// The rows at `positions` as they are whenever this is run: `[M, E]` for `self` of `[rows, E]`.
  ///
  /// - Precondition: No row is given twice.
  public func rows(at positions: PositionBuffer) -> Variable {
    let count = value.shape[0]
    return Variable(
      value.rows(at: positions), edge { dy in dy.rowsPullback(at: positions, of: count) })
  }

  /// The given rows, one after the other: `[M, E]` for `self` of `[rows, E]`.
  ///
  /// - Precondition: No row is given twice.
  public func rows(at indices: [Int]) -> Variable {
    rows(at: PositionBuffer(indices.lazy.map(Int64.init)))
  }

  /// The variables' rows, one after the other.
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

  /// The same value under another shape.
  public func reshaped(_ shape: [Int]) -> Variable {
    let own = value.shape
    return Variable(value.reshaped(shape), edge { dy in dy.reshaped(own) })
  }

  /// The same value, through which no gradient flows.
  public var detached: Variable { Variable(constant: value) }
}
