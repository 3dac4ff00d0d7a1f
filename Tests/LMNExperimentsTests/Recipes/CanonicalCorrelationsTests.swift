import LMNLayers
import Testing

@testable import LMNExperiments

@Suite struct CanonicalCorrelationsTests {
  private func rows(_ count: Int, _ width: Int, seed: UInt64) -> [[Double]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<width).map { _ in Double(generator.uniform(in: -1..<1)) }
    }
  }

  @Test func anInvertibleMapKeepsThem() {
    let x = rows(60, 3, seed: 1)
    let y = x.map { [2 * $0[0] - $0[1], $0[1] + 4 * $0[2] + 7, -$0[0]] }
    let values = CanonicalCorrelations(x, y).values
    #expect(values.count == 3 && values.allSatisfy { abs($0 - 1) < 1e-9 })
  }

  /// One common direction between independent ones.
  @Test func independentDirectionsHaveNone() {
    let (x, noise) = (rows(4000, 2, seed: 1), rows(4000, 1, seed: 2))
    let y = zip(x, noise).map { [$0[0], $1[0]] }
    let values = CanonicalCorrelations(x, y).values
    #expect(abs(values[0] - 1) < 1e-9 && values[1] < 0.1)
  }

  /// A direction without variance is left out, as that of a normalised vector's mean.
  @Test func constantDirectionsAreLeftOut() {
    let x = rows(50, 2, seed: 3).map { [$0[0], $0[1], -$0[0] - $0[1]] }
    #expect(CanonicalCorrelations(x, x).values.count == 2)
  }

  @Test func eigenvaluesOfASymmetricMatrix() {
    let matrix = [[2.0, 1, 0], [1, 3, -1], [0, -1, 1]]
    let eigen = SymmetricEigenvalues(of: matrix)
    #expect(abs(eigen.values.reduce(0, +) - 6) < 1e-12)
    for (value, vector) in zip(eigen.values, eigen.vectors) {
      for row in 0..<3 {
        let product = (0..<3).reduce(0) { $0 + matrix[row][$1] * vector[$1] }
        #expect(abs(product - value * vector[row]) < 1e-12)
      }
    }
  }
}
