import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct AdamWTests {
  static let calls = ([0, 1023, 1024, 1025, 2049] + awkwardSizes).flatMap { count in
    [1.0, 1000].map { update(count: count, step: $0) }
  }
  static let sharedCalls = [update(count: 9 * 1024 + 5, step: 3)]

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
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
  var values = SeededValues(seed: seed)
  let (rate, beta1, beta2) = (0.01 as Float, 0.9 as Float, 0.999 as Float)
  let (epsilon, decay, scale) = (1e-8 as Float, 0.1 as Float, 0.7 as Float)
  let corrections = [beta1, beta2].map { Float(1 - pow(Double($0), step)) }
  let (gradient, value, first) = (values.floats(count), values.floats(count), values.floats(count))
  let second = values.floats(count, in: 0...1)
  return KernelCall(
    "AdamW of \(count), step \(step), seed \(seed)", inputs: [gradient, value, first, second],
    // first: 1 - beta1, the gradient's scale, product and fused sum, and two of the reference.
    // second: 1 - beta2, the scale twice, two products and the sum, and two of the reference.
    // value: the decay's three, the fused sum, the reference's; and the step's own: those of
    // `first` and `second`, the rate, the correction's two, root, sum and quotient. The terms of
    // `first` may cancel, so the step's magnitude has theirs.
    accuracy: .bounded { expected in
      let magnitudes = (0..<count).map { index in
        Double(beta1) * Double(abs(first[index]))
          + (1 - Double(beta1)) * Double(scale) * Double(abs(gradient[index]))
      }
      let steps = (0..<count).map { index in
        let size = (Double(expected[2][index]) / Double(corrections[1])).squareRoot()
        return Double(rate) * magnitudes[index] / Double(corrections[0]) / (size + Double(epsilon))
      }
      return [
        (0..<count).map { index in
          Rounding.error(5) * Double(abs(value[index])) * (1 + Double(rate * decay))
            + Rounding.error(6 + 8 + 6 + 2) * steps[index]
        },
        magnitudes.map { Rounding.error(6) * $0 },
        expected[2].map { Rounding.error(8) * Double($0) },
      ]
    }
  ) { context, arrays, inputs in
    var arguments = lmn_adamw(
      count: count, learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weight_decay: decay, correction1: corrections[0], correction2: corrections[1],
      gradient_scale: scale, gradient: arrays.input(inputs[0]), value: arrays.updated(inputs[1]),
      first: arrays.updated(inputs[2]), second: arrays.updated(inputs[3]))
    lmn_adamw_update(context, &arguments)
  }
}
