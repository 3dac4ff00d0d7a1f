import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct FeatureMapTests {
  static let calls = combinations(
    160, of: FeatureMap.allCases, [true, false], [0, 1, 2, 7], awkwardSizes
  ).flatMap { calls($0, isNormalized: $1, rows: $2, width: $3) }
  static let sharedCalls = FeatureMap.allCases.flatMap { map in
    [true, false].flatMap {
      calls(map, isNormalized: $0, rows: 1100, width: 33)
        + calls(map, isNormalized: $0, rows: 30, width: 200)
    }
  }

  private static func calls(
    _ map: FeatureMap, isNormalized: Bool, rows: Int, width: Int
  ) -> [KernelCall] {
    [
      features(map, isNormalized: isNormalized, rows: rows, width: width),
      pullback(map, isNormalized: isNormalized, rows: rows, width: width),
    ]
  }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func mapsByHand(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let x = Tensor(shape: [1, 4], scalars: [3, -4, 0, 0])
      func features(_ map: FeatureMap, width: Int, isNormalized: Bool) -> [Float] {
        x.features(map, width: width, isNormalized: isNormalized, scale: 2).scalars
      }
      #expect(features(.identity, width: 4, isNormalized: false) == [6, -8, 0, 0])
      #expect(features(.relu, width: 4, isNormalized: false) == [6, 0, 0, 0])
      expectClose(
        features(.elu, width: 4, isNormalized: false), [8, 2 * exp(-4), 2, 2],
        within: [0, 1e-7, 0, 0], "elu")
      let bound = [Double](repeating: 1e-6, count: 4)
      expectClose(
        features(.identity, width: 4, isNormalized: true), [1.2, -1.6, 0, 0], within: bound, "norm")
      // Rows of two: the second one is 0, which a norm leaves.
      expectClose(
        features(.relu, width: 2, isNormalized: true), [2, 0, 0, 0], within: bound, "norms")
    }
  }

  @Test(arguments: InstructionSet.available, FeatureMap.allCases)
  func keepsNotANumber(_ instructionSet: InstructionSet, _ map: FeatureMap) {
    let x = Tensor(shape: [3, 1], scalars: [1, .nan, 1])
    for isNormalized in [true, false] {
      let features = computing(on: instructionSet) {
        x.features(map, width: 1, isNormalized: isNormalized, scale: 1)
      }
      #expect(features.scalars.map(\.isNaN) == [false, true, false])
    }
  }

  @Test func trapsOnRowsThatDoNotDivideTheTensor() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).features(
        .identity, width: 4, isNormalized: false, scale: 1)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).featuresPullback(
        Tensor(shape: [6], repeating: 0), .identity, width: 3, isNormalized: false, scale: 1)
    }
  }
}

extension FeatureMap {
  fileprivate var kind: lmn_feature_kind {
    switch self {
    case .identity: LMN_FEATURE_IDENTITY
    case .relu: LMN_FEATURE_RELU
    case .elu: LMN_FEATURE_ELU
    }
  }

  /// Roundings of a feature: x + 1, or exp.
  fileprivate var roundings: Int { self == .elu ? Exponential.roundings : 0 }

  fileprivate func value(_ x: Double) -> Double {
    switch self {
    case .identity: x
    case .relu: max(x, 0)
    case .elu: x > 0 ? x + 1 : exp(x)
    }
  }

  fileprivate func slope(_ x: Double) -> Double {
    switch self {
    case .identity: 1
    case .relu: x > 0 ? 1 : 0
    case .elu: x > 0 ? 1 : exp(x)
    }
  }
}

private let epsilon: Float = 1e-6

/// Largest exponential where the argument is cut off, over the smallest norm.
private let leftover = exp(-87.0) / Double(epsilon).squareRoot()

/// Values of both signs, few of them far out.
private func inputs(_ count: Int, using values: inout SeededValues) -> [Float] {
  zip(values.floats(count), values.floats(count, in: -3...2)).map { $0 * pow(10, $1) }
}

/// Roundings of the factor of a row: the squares' sum with epsilon; the root, which halves what came
/// before it; the quotient.
private func scaleRoundings(_ map: FeatureMap, width: Int) -> Int {
  (2 * map.roundings + Rounding.ofDot(width) + 2) / 2 + 2
}

private func features(
  _ map: FeatureMap, isNormalized: Bool, rows: Int, width: Int, scale: Float = 0.3,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  return KernelCall(
    "\(isNormalized ? "normalized " : "")\(map) of [\(rows), \(width)], seed \(seed)",
    inputs: [inputs(rows * width, using: &values)],
    // The factor, the feature, their product, and the reference's rounding.
    accuracy: .bounded { expected in
      let roundings = (isNormalized ? scaleRoundings(map, width: width) : 0) + map.roundings + 2
      return [expected[0].map { Rounding.error(roundings) * Double(abs($0)) + leftover }]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_feature_map(
      rows: rows, width: width, kind: map.kind, normalize: isNormalized, scale: scale,
      epsilon: epsilon, x: arrays.input(inputs[0]), features: arrays.output(rows * width))
    lmn_feature_map_forward(context, &arguments)
  }
}

private func pullback(
  _ map: FeatureMap, isNormalized: Bool, rows: Int, width: Int, scale: Float = 0.3,
  seed: UInt64 = 1
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (x, cotangent) = (inputs(rows * width, using: &values), values.floats(rows * width))
  return KernelCall(
    "\(isNormalized ? "normalized " : "")\(map)'s pullback of [\(rows), \(width)], seed \(seed)",
    inputs: [x, cotangent],
    // slope * (scale * (dy - f * along / squares)): the dot products, with two features and three
    // in the second term; a quotient, a fused product, two products, the factor, the slope, and the
    // reference's rounding.
    accuracy: .bounded { _ in
      let dot = Rounding.ofDot(width)
      let roundings =
        isNormalized
        ? scaleRoundings(map, width: width) + 5 * map.roundings + 2 * dot + 6 : map.roundings + 4
      let bounds = (0..<rows).flatMap { row in
        let own = row * width..<(row + 1) * width
        let f = own.map { map.value(Double(x[$0])) }
        let dy = own.map { Double(abs(cotangent[$0])) }
        let squares = f.reduce(Double(epsilon)) { $0 + $1 * $1 }
        let along = zip(f, dy).reduce(0) { $0 + abs($1.0) * $1.1 }
        let factor = Double(scale) / (isNormalized ? squares.squareRoot() : 1)
        return own.indices.map {
          let index = $0 - own.lowerBound
          let rest = isNormalized ? abs(f[index]) * along / squares : 0
          return factor * (dy[index] + rest)
            * (Rounding.error(roundings) * map.slope(Double(x[$0])) + leftover)
        }
      }
      return [bounds]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_feature_map_grad(
      rows: rows, width: width, kind: map.kind, normalize: isNormalized, scale: scale,
      epsilon: epsilon, x: arrays.input(inputs[0]), d_features: arrays.input(inputs[1]),
      d_x: arrays.output(rows * width))
    lmn_feature_map_backward(context, &arguments)
  }
}
