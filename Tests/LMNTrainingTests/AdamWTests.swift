import Foundation
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct AdamWTests {
  /// AdamW as in its paper, for a scalar.
  private struct PlainAdamW {
    let constants: AdamWConstants
    var value: Double
    var (first, second, step) = (0.0, 0.0, 0)

    init(_ value: Float, _ constants: AdamWConstants) {
      self.constants = constants
      self.value = Double(value)
    }

    mutating func update(gradient: Double, learningRate: Float) {
      let (beta1, beta2) = (Double(constants.beta1), Double(constants.beta2))
      step += 1
      first = beta1 * first + (1 - beta1) * gradient
      second = beta2 * second + (1 - beta2) * gradient * gradient
      let mean = first / (1 - pow(beta1, Double(step)))
      let deviation = (second / (1 - pow(beta2, Double(step)))).squareRoot()
      value -=
        Double(learningRate)
        * (mean / (deviation + Double(constants.epsilon)) + Double(constants.weightDecay) * value)
    }
  }

  private static let constants: [AdamWConstants] = {
    var (other, plain) = (AdamWConstants(), AdamWConstants())
    (other.beta1, other.beta2, other.epsilon, other.weightDecay) = (0.5, 0.9, 1e-3, 0.2)
    plain.weightDecay = 0
    return [AdamWConstants(), other, plain]
  }()

  @Test(arguments: constants, [1, 0.25] as [Float])
  func agreesWithItsDefinition(_ constants: AdamWConstants, gradientScale: Float) {
    let batch = batch(inputs: 5, outputs: 3)
    let before = StateDictionary(
      names: batch.names,
      tensors: batch.parameters.map { Tensor(shape: $0.shape, scalars: $0.scalars) })
    var optimizer = Optimizer(for: before, constants: constants)
    var plain = before.tensors.map { $0.scalars.map { PlainAdamW($0, constants) } }
    for step in 1...20 {
      let learningRate = 0.01 * Float(step)
      let gradient = StateDictionary(
        names: before.names,
        tensors: before.tensors.enumerated().map { index, tensor in
          .random(tensor.shape, seed: UInt64(100 * step + index)).scaled(by: Float(step % 7))
        })
      for (place, tensor) in zip(batch.gradients, gradient.tensors) {
        place.overwrite(withScalarsOf: tensor)
      }
      optimizer.update(batch, learningRate: learningRate, gradientScale: gradientScale)
      for (index, tensor) in gradient.tensors.enumerated() {
        for (place, value) in tensor.doubles.enumerated() {
          plain[index][place].update(
            gradient: Double(gradientScale) * value, learningRate: learningRate)
        }
      }
    }
    #expect(optimizer.step == 20)
    let found = [batch.parameters, optimizer.first.tensors, optimizer.second.tensors]
    let fields = [\PlainAdamW.value, \.first, \.second]
    for (tensors, field) in zip(found, fields) {
      for (tensor, expected) in zip(tensors, plain) {
        let expected = expected.map { $0[keyPath: field] }
        let largest = expected.reduce(0) { max($0, abs($1)) }
        // About eight roundings per step, none of them amplified.
        expectClose(
          tensor.scalars, expected.map(Float.init),
          within: expected.map { _ in Rounding.error(8 * 20) * max(largest, 1) }, "\(field)")
      }
    }
  }

  /// An affine map, whose gradient is overwritten.
  private func batch(inputs: Int, outputs: Int) -> RecordedBatch<Linear, NoInput> {
    var source = ParameterSource(seed: 3)
    return RecordedBatch(
      at: Linear(inputs: inputs, outputs: outputs, using: &source), overBatchOf: 1,
      inputs: { _ in NoInput() }
    ) { linear, _ in linear(Variable(constant: .random([1, inputs], seed: 1))).mean() }
  }

  @Test func isAValue() {
    let batch = batch(inputs: 2, outputs: 2)
    let parameters = StateDictionary(names: batch.names, tensors: batch.parameters)
    _ = batch.run()
    var optimizer = Optimizer(for: parameters)
    let beginning = optimizer
    optimizer.update(batch, learningRate: 0.1)
    #expect(beginning == Optimizer(for: parameters))
    #expect(optimizer != beginning)

    let restored = Optimizer(
      step: optimizer.step, first: optimizer.first, second: optimizer.second,
      constants: optimizer.constants)
    #expect(restored == optimizer)
  }

  /// A parameter without weight decay is updated by its gradient only.
  @Test func someParametersDoNotDecay() {
    struct Scale: Module {
      var decaying = Variable(constant: Tensor(shape: [2], repeating: 8))
      var still = Variable(constant: Tensor(shape: [2], repeating: 8))

      mutating func visitParameters(_ visit: ParameterVisitor) {
        visit("decaying", &decaying)
        visit("still", &still, decays: false)
      }
    }
    let batch = RecordedBatch(at: Scale(), overBatchOf: 1, inputs: { _ in NoInput() }) { scale, _ in
      (scale.decaying + scale.still).mean()
    }
    var constants = AdamWConstants()
    constants.weightDecay = 0.5
    var optimizer = Optimizer(
      for: StateDictionary(names: batch.names, tensors: batch.parameters), constants: constants)
    for gradient in batch.gradients { gradient.overwrite { $0.update(repeating: 0, count: 2) } }
    optimizer.update(batch, learningRate: 0.25)
    #expect(batch.parameters.map(\.scalars) == [[7, 7], [8, 8]])
  }

  /// Ten steps of PyTorch in double precision.
  @Test func repeatsTheGoldenSteps() throws {
    let file = try Safetensors(contentsOf: goldenFile("training-10-steps"))
    let names = file.entries.map(\.name)
    let weights = names.filter {
      !$0.hasPrefix("after.") && !["input_ids", "targets", "losses"].contains($0)
    }
    let configuration = try Configuration(json: #require(file.metadata["config"]))
    var network = try LanguageNetwork.loading(
      file.stateDictionary(of: weights), isPublished: true
    ) { try LanguageNetwork(configuration, using: &$0) }
    var optimizer = Optimizer(for: network.stateDictionary)
    let learningRate: Float = 1e-3

    let (shape, inputs) = try file.integers("input_ids")
    let (_, targets) = try file.integers("targets")
    let (_, losses) = try file.floats("losses")
    let (steps, batch, length) = (shape[0], shape[1], shape[2])
    func rows(_ tokens: [Int], of step: Int) -> [[Token]] {
      (0..<batch).map { row in
        tokens[(step * batch + row) * length..<(step * batch + row + 1) * length].map(Token.init)
      }
    }
    let windows = RecordedBatch(ofLossAt: network, windows: batch, length: length)
    for step in 0..<steps {
      let (inputs, targets) = (rows(inputs, of: step), rows(targets, of: step))
      for (row, window) in windows.inputs.enumerated() {
        window.overwrite(inputs: inputs[row][...], targets: targets[row][...])
      }
      let loss = windows.run()
      #expect(abs(loss - Double(losses[step])) <= 1e-5 * loss, "step \(step)")
      optimizer.update(windows, learningRate: learningRate)
    }
    windows.store(to: &network)

    let found = network.published(network.stateDictionary)
    #expect(found.names.count == weights.count)
    for (name, tensor) in zip(found.names, found.tensors) {
      let (shape, expected) = try file.floats("after.\(name)")
      #expect(tensor.shape == shape)
      var bounds = [Double](repeating: 1e-5, count: expected.count)
      if name.hasSuffix("qkv.bias") {
        // The queries' bias adds the same value to all scores of a position, so its gradient is
        // exactly 0. The computed gradient is rounding error, which AdamW scales to steps of up to
        // the learning rate.
        for place in 0..<network.configuration.width {
          bounds[place] = Double(Float(2 * steps) * learningRate)
        }
      }
      expectClose(tensor.scalars, expected, within: bounds, name)
    }
  }
}

/// Input of a recorded function of parameters alone.
struct NoInput: RecordedInput {
  func placeholder() -> NoInput { self }
  func overwrite(with other: NoInput) {}
}

/// The path of a golden file of this package.
func goldenFile(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Goldens/\(name).safetensors").standardized.path
}
