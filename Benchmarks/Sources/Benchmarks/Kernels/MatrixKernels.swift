import LMN

extension KernelBenchmark {
  /// Times products of the networks' shapes (one sequence, a batch, a single token), transpose, row
  /// sum and row copy.
  func measureMatrices() {
    let narrow = [(E, E), (E, 2 * E), (E, 4 * E), (4 * E, E), (E, V)]
    for (inner, columns) in narrow { measureProduct(rows: L, inner: inner, columns: columns) }
    let wide = [(E, E), (E, 4 * E), (4 * E, E), (256, 256), (256, 512), (256, 1024), (1024, 256)]
    for (inner, columns) in wide { measureProduct(rows: 16 * L, inner: inner, columns: columns) }
    measureProduct(rows: 1, inner: E, columns: 4 * E)
    measureProduct(rows: 1, inner: 256, columns: 1024)

    for (rows, columns) in [(4, E), (4 * E, E), (1024, 256)] {
      // A view of some rows, since a recording transposes a whole constant only once.
      let matrix = random(rows + 1, columns).rows(1..<rows + 1)
      measure(
        "transpose [\(rows), \(columns)]",
        .elementwise(rows * columns, operations: 0, arrays: 2)
      ) { _ = matrix.transposed }
    }
    for (rows, columns) in [(4, E), (L, 4 * E)] {
      let matrix = random(rows, columns)
      measure(
        "rowSum [\(rows), \(columns)]", .elementwise(rows * columns, operations: 1, arrays: 1)
      ) { _ = matrix.summedRows() }
    }
    for rows in [4, L] {
      let (matrix, order) = (random(rows, E), Array((0..<rows).reversed()))
      measure(
        "rowCopy [\(rows), \(E)]", .elementwise(rows * E, operations: 0, arrays: 2)
      ) { _ = matrix.rows(at: order) }
    }
  }

  private func measureProduct(rows: Int, inner: Int, columns: Int) {
    let (x, weight, bias) = (random(rows, inner), random(inner, columns), random(columns))
    let dy = random(rows, columns)
    let cost = Cost.matmul(rows: rows, inner: inner, columns: columns)
    measure(
      "matmul.forward [\(rows), \(inner), \(columns)]", cost,
      beside: productByOpenBLAS(x, weight)
    ) {
      _ = x.matmul(weight, bias: bias)
    }
    measure(
      "matmul.backwardRight [\(rows), \(inner), \(columns)]", cost,
      beside: productByOpenBLAS(x, dy, transposed: true)
    ) {
      _ = x.matmulPullback(ofRight: dy)
    }
  }
}
