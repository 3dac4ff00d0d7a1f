import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@Suite struct SummarizerTests {
  private func parameters(
    _ kind: SummarizerKind, _ initialisation: Initialisation, width: Int = 32, banks: Int = 2,
    arity: Int = 2
  ) -> StateDictionary {
    var source = ParameterSource(seed: 1, initialisation: initialisation)
    var settings = LogarithmicMemory.Settings()
    (settings.heads, settings.summarizer) = (1, kind)
    (settings.banks, settings.arity) = (banks, arity)
    return LogarithmicMemory(width: width, settings, using: &source).summarizer.stateDictionary
  }

  @Test func listShapes() {
    let linear = parameters(.linear, .normal, width: 4, banks: 3)
    #expect(linear.names == ["weight", "bias"])
    #expect(linear.tensors.map(\.shape) == [[3, 8, 4], [3, 4]])
    let separable = parameters(.depthwiseSeparable, .normal, width: 4, banks: 3)
    #expect(separable.names == ["taps", "pointwise", "bias"])
    #expect(separable.tensors.map(\.shape) == [[3, 3, 4], [3, 4, 4], [3, 4]])
  }

  /// Deviations of the published recipe, at the width and banks of Table 1.
  @Test func startAsPublished() throws {
    let linear = parameters(.linear, .reference)
    expectDeviation(of: linear["weight"], 0.1 * (2.0 / (2 * 32 * 32 + 2 * 32)).squareRoot())
    expectDeviation(of: linear["bias"], 0.1 * (2.0 / (2 * 32 + 32)).squareRoot())
    let separable = parameters(.depthwiseSeparable, .reference)
    expectBound(of: separable["taps"], 0.5.squareRoot())
    expectBound(of: separable["pointwise"], 1 / 32.0.squareRoot())
    expectBound(of: separable["bias"], 1 / 32.0.squareRoot())
  }

  @Test func startNormalAtTheScaleOfTheirChildren() throws {
    let linear = parameters(.linear, .normal)
    expectDeviation(of: linear["weight"], 1 / 64.0.squareRoot())
    #expect(linear["bias"] == Tensor(shape: [2, 32], repeating: 0))
    let separable = parameters(.depthwiseSeparable, .normal)
    expectDeviation(of: separable["taps"], 0.5.squareRoot())
    expectDeviation(of: separable["pointwise"], 1 / 32.0.squareRoot())
    #expect(separable["bias"] == Tensor(shape: [2, 32], repeating: 0))
  }

  /// Both halves of a linear summarizer are orthogonal matrices over √2, the pointwise map is
  /// orthogonal.
  @Test func startOrthogonal() throws {
    let width = 8
    let weight = try #require(parameters(.linear, .orthogonal, width: width)["weight"])
    expectOrthogonal(weight.reshaped([4, width, width]), square: 0.5)
    let pointwise = parameters(.depthwiseSeparable, .orthogonal, width: width)["pointwise"]
    expectOrthogonal(try #require(pointwise), square: 1)
  }

  /// Expects a mean square within five of its standard deviations, for normal numbers.
  private func expectDeviation(
    of tensor: Tensor?, _ deviation: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let squares = (tensor?.doubles ?? []).map { $0 * $0 / (deviation * deviation) }
    let mean = squares.reduce(0, +) / Double(squares.count)
    #expect(
      abs(mean - 1) < 5 * (2 / Double(squares.count)).squareRoot(), sourceLocation: sourceLocation)
  }

  /// Expects no value above the bound, and the largest of at least 64 in the outer third.
  private func expectBound(
    of tensor: Tensor?, _ bound: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let largest = (tensor?.doubles ?? []).reduce(0) { max($0, abs($1)) }
    #expect(largest <= bound * (1 + Rounding.unit), sourceLocation: sourceLocation)
    #expect(largest > bound * 2 / 3, sourceLocation: sourceLocation)
  }

  /// Expects rows of each matrix `[matrices, size, size]` to be orthogonal with this squared norm.
  private func expectOrthogonal(
    _ tensor: Tensor, square: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let size = tensor.shape[1]
    let bound = Rounding.error(2 * size + 8)
    for matrix in 0..<tensor.shape[0] {
      let values = tensor.rows(matrix..<matrix + 1).doubles
      for (i, j) in (0..<size).flatMap({ i in (0...i).map { (i, $0) } }) {
        let product = (0..<size).reduce(0) { $0 + values[i * size + $1] * values[j * size + $1] }
        #expect(
          abs(product - (i == j ? square : 0)) <= bound, sourceLocation: sourceLocation)
      }
    }
  }
}
