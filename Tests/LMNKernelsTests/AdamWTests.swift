import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AdamWTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    [1.0, 1000].map { update(count: count, step: $0) }
  }
  static let rowCalls = awkwardSizes.flatMap { width in
    [0, 1, 5].map { rowUpdate(rows: $0, of: 7, width: width) }
  }
  static let sharedCalls = [
    update(count: 9 * 1024 + 5, step: 3), rowUpdate(rows: 50, of: 200, width: 130),
  ]

  @Test(arguments: InstructionSet.tuned, calls + rowCalls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// The first step has the size of the learning rate, against the sign of the gradient.
  @Test(arguments: InstructionSet.available)
  func firstStepIsTheLearningRate(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      var constants = AdamWConstants()
      constants.weightDecay = 0
      let value = Tensor(shape: [4], repeating: 1)
      var (first, second) = (Tensor(shape: [4], repeating: 0), Tensor(shape: [4], repeating: 0))
      value.overwriteByAdamW(
        gradient: Tensor(shape: [4], scalars: [3, -0.01, 0, 1000]), first: &first,
        second: &second, step: 1, learningRate: 0.5, gradientScale: 1, constants: constants)
      for (value, expected) in zip(value.scalars, [0.5, 1.5, 1, 0.5] as [Float]) {
        #expect(abs(value - expected) <= 4e-6)
      }
      #expect(second.scalars.allSatisfy { $0 >= 0 })
    }
  }

  /// Epsilon is added to the square root after bias correction: a first gradient of the size of
  /// epsilon gives half a learning rate.
  @Test(arguments: InstructionSet.available)
  func epsilonIsAddedToTheRoot(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      var constants = AdamWConstants()
      constants.weightDecay = 0
      constants.epsilon = 0.25
      let value = Tensor(shape: [2], repeating: 0)
      var (first, second) = (value, value)
      value.overwriteByAdamW(
        gradient: Tensor(shape: [2], scalars: [0.25, -0.75]), first: &first, second: &second,
        step: 1, learningRate: 1, gradientScale: 1, constants: constants)
      expectClose(value.scalars, [-0.5, 0.75], within: [1e-5, 1e-5], "first step")
    }
  }

  /// The rows with a gradient have the bits of a step of the whole table, the others stay.
  @Test(arguments: InstructionSet.available)
  func rowsAreUpdatedAlone(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let table = Tensor.random([6, 3], seed: 1)
      let lookups = StoredLookups()
      lookups.add(
        Bags([(ids: [4, 1, 4], scale: 0.5)]),
        cotangent: Tensor(shape: [1, 3], scalars: [1, -2, 3]))
      let gradient = RowGradient(shape: [6, 3])
      gradient.overwrite(withSumOf: [lookups], in: .current)
      let (whole, rows) = (table.copied(), table.copied())
      let moment = Tensor(shape: [6, 3], repeating: 0.25)
      var (first, second, firstOfRows, secondOfRows) = (moment, moment, moment, moment)
      whole.overwriteByAdamW(
        gradient: gradient.tensor, first: &first, second: &second, step: 3,
        learningRate: 0.1, gradientScale: 0.5, constants: AdamWConstants())
      rows.overwriteRowsByAdamW(
        gradient: gradient, first: &firstOfRows, second: &secondOfRows, step: 3,
        learningRate: 0.1, gradientScale: 0.5, constants: AdamWConstants())
      for (found, all, before) in [
        (rows, whole, table), (firstOfRows, first, moment), (secondOfRows, second, moment),
      ] {
        for row in 0..<6 {
          #expect(
            found.rows(row..<row + 1) == ([1, 4].contains(row) ? all : before).rows(row..<row + 1))
        }
      }
    }
  }

  @Test func trapsOnStepZero() async {
    await #expect(processExitsWith: .failure) {
      let value = Tensor(shape: [1], repeating: 0)
      var (first, second) = (value, value)
      value.overwriteByAdamW(
        gradient: value, first: &first, second: &second, step: 0, learningRate: 1,
        gradientScale: 1, constants: AdamWConstants())
    }
  }
}

private func update(count: Int, step: Double, seed: UInt64 = 1) -> KernelCall {
  stepCall("AdamW of \(count), step \(step), seed \(seed)", count, count, step, seed) {
    context, arrays, step in
    var arguments = step
    lmn_adamw_update(context, &arguments)
  }
}

/// A step of the last `rows` of `count` rows, from the last to the first.
private func rowUpdate(rows: Int, of count: Int, width: Int, seed: UInt64 = 1) -> KernelCall {
  let chosen = (count - rows..<count).reversed().map { Int32($0) }
  return stepCall(
    "AdamW of \(rows) of \(count) rows of \(width), seed \(seed)", rows * width, count * width, 3,
    seed,
    placeInGradient: { place in
      chosen.firstIndex(of: Int32(place / width)).map { $0 * width + place % width }
    }
  ) { context, arrays, step in
    var arguments = lmn_adamw_rows(step: step, width: width, rows: arrays.input(chosen))
    lmn_adamw_rows_update(context, &arguments)
  }
}

/// A call with a gradient of `count` values and `size` values and moments.
private func stepCall(
  _ description: String, _ count: Int, _ size: Int, _ step: Double, _ seed: UInt64,
  placeInGradient: @escaping @Sendable (Int) -> Int? = { $0 },
  _ call: @escaping @Sendable (lmn_context, GuardedArguments, lmn_adamw) -> Void
) -> KernelCall {
  var values = SeededValues(seed: seed)
  let (rate, beta1, beta2) = (0.01 as Float, 0.9 as Float, 0.999 as Float)
  let (epsilon, decay, scale) = (1e-8 as Float, 0.1 as Float, 0.7 as Float)
  let corrections = [beta1, beta2].map { Float(1 - pow(Double($0), step)) }
  let (gradient, value, first) = (values.floats(count), values.floats(size), values.floats(size))
  let second = values.floats(size, in: 0...1)
  return KernelCall(
    description, inputs: [gradient, value, first, second],
    // first: 1 - beta1, the gradient's scale, product and fused sum, and two of the reference.
    // second: 1 - beta2, the scale twice, two products and the sum, and two of the reference.
    // value: the decay's three, the fused sum, the reference's; and the step's own: those of
    // `first` and `second`, the rate, the correction's two, root, sum and quotient. The terms of
    // `first` may cancel, so the step's magnitude has theirs. Values without a gradient stay.
    accuracy: .bounded { expected in
      var bounds = [[Double]](repeating: .init(repeating: 0, count: size), count: 3)
      for index in 0..<size {
        guard let place = placeInGradient(index) else { continue }
        let change = (1 - Double(beta1)) * Double(scale) * Double(abs(gradient[place]))
        let magnitude = Double(beta1) * Double(abs(first[index])) + change
        let squares = Double(expected[2][index])
        let root = (squares / Double(corrections[1])).squareRoot() + Double(epsilon)
        let step = Double(rate) * magnitude / Double(corrections[0]) / root
        let kept = Double(abs(value[index])) * (1 + Double(rate * decay))
        bounds[0][index] = Rounding.error(5) * kept + Rounding.error(6 + 8 + 6 + 2) * step
        bounds[1][index] = Rounding.error(6) * magnitude
        bounds[2][index] = Rounding.error(8) * squares
      }
      return bounds
    }
  ) { context, arrays, inputs in
    call(
      context, arrays,
      lmn_adamw(
        count: count, learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
        weight_decay: decay, correction1: corrections[0], correction2: corrections[1],
        gradient_scale: scale, gradient: arrays.input(inputs[0]), value: arrays.updated(inputs[1]),
        first: arrays.updated(inputs[2]), second: arrays.updated(inputs[3])))
  }
}
