import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct MuonTests {
  /// Rows of a matrix in double precision.
  private typealias Matrix = [[Double]]

  private static func product(_ left: Matrix, _ right: Matrix) -> Matrix {
    left.map { row in
      right[0].indices.map { column in row.indices.reduce(0) { $0 + row[$1] * right[$1][column] } }
    }
  }

  private static func transposed(_ matrix: Matrix) -> Matrix {
    matrix[0].indices.map { column in matrix.map { $0[column] } }
  }

  private static func rows(_ tensor: Tensor) -> Matrix {
    let columns = tensor.shape[1]
    return (0..<tensor.shape[0]).map { row in
      tensor.scalars[row * columns..<(row + 1) * columns].map(Double.init)
    }
  }

  /// The five steps as they are published, on the side with fewer rows.
  private static func orthogonalized(_ matrix: Matrix) -> Matrix {
    guard matrix.count <= matrix[0].count else {
      return transposed(orthogonalized(transposed(matrix)))
    }
    let norm = matrix.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    var x = matrix.map { $0.map { $0 / norm } }
    for _ in 0..<5 {
      let square = product(x, transposed(x))
      let (third, fifth) = (product(square, x), product(square, product(square, x)))
      for row in x.indices {
        for column in x[row].indices {
          x[row][column] =
            3.4445 * x[row][column] - 4.775 * third[row][column] + 2.0315 * fifth[row][column]
        }
      }
    }
    return x
  }

  @Test(arguments: [[16, 16], [12, 40], [40, 12], [1, 7], [7, 1]])
  func orthogonalizationAgreesWithItsDefinition(shape: [Int]) {
    let matrix = Tensor.random(shape, seed: 4)
    let expected = Self.orthogonalized(Self.rows(matrix)).joined().map(Float.init)
    expectClose(
      matrix.orthogonalized().scalars, expected, within: expected.map { _ in 1e-4 }, "\(shape)")
  }

  /// Singular values near 1, and the singular vectors of the matrix.
  @Test(arguments: [[24, 24], [12, 40], [40, 12]])
  func resultsAreNearlyOrthogonal(shape: [Int]) {
    let matrix = Tensor.random(shape, seed: 5)
    let isTall = shape[0] > shape[1]
    func wide(_ tensor: Tensor) -> Tensor { isTall ? tensor.transposed : tensor }
    let (result, beginning) = (wide(matrix.orthogonalized()), wide(matrix))
    for seed in 1...20 as ClosedRange<UInt64> {
      let vector = Tensor.random([1, result.shape[0]], seed: seed)
      let stretch = (vector.matmul(result).squaredNorm / vector.squaredNorm).squareRoot()
      #expect(0.6 < stretch && stretch < 1.2, "\(stretch)")
    }
    // U s Vᵀ (U S Vᵀ)ᵀ = U s S Uᵀ is symmetric.
    let symmetric = result.matmul(beginning.transposed)
    expectClose(
      symmetric.scalars, symmetric.transposed.scalars, within: symmetric.scalars.map { _ in 1e-4 },
      "\(shape)")
  }

  @Test func matricesOfAStackAreSeparate() {
    let stack = Tensor.random([3, 10, 6], seed: 6)
    let matrices = stack.reshaped([30, 6])
    let separate = (0..<3).flatMap { index in
      matrices.rows(index * 10..<(index + 1) * 10).orthogonalized().scalars
    }
    #expect(stack.orthogonalized().scalars == separate)
  }

  @Test func scaleChangesNothing() {
    let matrix = Tensor.random([8, 20], seed: 7)
    let expected = matrix.orthogonalized().scalars
    for factor in [1e-12, 1e12] as [Float] {
      expectClose(
        matrix.scaled(by: factor).orthogonalized().scalars, expected,
        within: expected.map { _ in 1e-4 }, "\(factor)")
    }
    let zero = Tensor(shape: [4, 4], repeating: 0)
    #expect(zero.orthogonalized() == zero)
  }

  /// A network whose blocks are one map, whose gradients are overwritten.
  private struct Maps: Module {
    var hidden: Linear
    var head: Linear

    mutating func visitParameters(_ visit: ParameterVisitor) {
      visit("hidden", &hidden, hidden: true)
      visit("head", &head)
    }
  }

  /// Maps inside blocks change by Muon, all other parameters by AdamW.
  @Test func updatesAgreeWithTheirDefinition() {
    var source = ParameterSource(seed: 3)
    let maps = Maps(
      hidden: Linear(inputs: 6, outputs: 4, using: &source),
      head: Linear(inputs: 4, outputs: 3, using: &source))
    func batch() -> RecordedBatch<Maps, NoInput> {
      RecordedBatch(at: maps, overBatchOf: 1, inputs: { _ in NoInput() }) { maps, _ in
        maps.head(maps.hidden(Variable(constant: .random([1, 6], seed: 1)))).mean()
      }
    }
    var (constants, muon) = (AdamWConstants(), MuonConstants())
    (constants.weightDecay, muon.momentum) = (0.1, 0.8)
    let (batches, parameters) = ([batch(), batch()], maps.stateDictionary)
    var optimizer = Optimizer(for: parameters, constants: constants, muon: muon)
    var adamW = Optimizer(for: parameters, constants: constants)
    var value = Self.rows(maps.hidden.weight.value)
    var mean = value.map { $0.map { _ in 0.0 } }
    for step in 1...5 {
      let rate = 0.01 * Double(step)
      let gradients = parameters.tensors.enumerated().map { index, tensor in
        Tensor.random(tensor.shape, seed: UInt64(10 * step + index))
      }
      for batch in batches {
        for (place, gradient) in zip(batch.gradients, gradients) {
          place.overwrite(withScalarsOf: gradient)
        }
      }
      optimizer.update(batches[0], learningRate: Float(rate), gradientScale: 0.5)
      adamW.update(batches[1], learningRate: Float(rate), gradientScale: 0.5)

      let gradient = Self.rows(gradients[0])
      var ahead = mean
      for row in mean.indices {
        for column in mean[row].indices {
          let added = 0.2 * 0.5 * gradient[row][column]
          mean[row][column] = 0.8 * mean[row][column] + added
          ahead[row][column] = 0.8 * mean[row][column] + added
        }
      }
      let direction = Self.orthogonalized(ahead)
      for row in value.indices {
        for column in value[row].indices {
          value[row][column] -=
            rate
            * (0.1 * value[row][column] + 0.2 * 6.0.squareRoot() * direction[row][column])
        }
      }
    }
    let expected = value.joined().map(Float.init)
    #expect(batches[0].names[0] == "hidden.weight")
    expectClose(
      batches[0].parameters[0].scalars, expected, within: expected.map { _ in 1e-5 }, "hidden")
    for index in 1..<4 {
      #expect(batches[0].parameters[index] == batches[1].parameters[index])
      #expect(optimizer.second.tensors[index] == adamW.second.tensors[index])
    }
    #expect(optimizer.second.tensors[0].scalars.allSatisfy { $0 == 0 })
  }

  /// Neither embedding, head, biases, gates of heads, convolutions nor tables are maps inside blocks.
  @Test func mapsInsideBlocksAreKnown() throws {
    var configuration = Configuration(vocabularySize: 20)
    configuration.layers = 6
    configuration.memoryKinds = [
      "logarithmic", "linear", "mixtureOfMemories", "attention", "stateSpace", "slots",
    ]
    var source = ParameterSource(seed: 1)
    let network = try LanguageNetwork(configuration, using: &source)
    let maps = zip(network.stateDictionary.names, network.parameterTraits)
      .filter(\.1.isHiddenMap).map(\.0)
    let linear = ["query", "key", "value", "gate", "out_proj"]
    let expected = [
      ["summarizer", "query_value", "key", "out_proj"], linear, linear, ["qkv", "out_proj"],
      ["out_proj"], ["qkv", "out_proj", "write"],
    ]
    #expect(
      Set(maps)
        == Set(
          expected.enumerated().flatMap { index, names in
            (names + ["feedforward.0", "feedforward.2"]).map { "blocks.\(index).\($0).weight" }
          }))
  }
}
