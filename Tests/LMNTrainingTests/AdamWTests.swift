import Foundation
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct AdamWTests {
  /// AdamW as its paper writes it, for one number.
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
    var generator = SeededGenerator(seed: 3)
    var module = Linear(inputs: 5, outputs: 3, using: &generator)
    let before = module.stateDictionary
    var optimizer = AdamW(for: before, constants: constants)
    var plain = before.tensors.map { $0.scalars.map { PlainAdamW($0, constants) } }
    for step in 1...20 {
      let learningRate = 0.01 * Float(step)
      let gradient = StateDictionary(
        names: before.names,
        tensors: before.tensors.enumerated().map { index, tensor in
          .random(tensor.shape, seed: UInt64(100 * step + index)).scaled(by: Float(step % 7))
        })
      optimizer.update(
        &module, with: gradient, learningRate: learningRate, gradientScale: gradientScale)
      for (index, tensor) in gradient.tensors.enumerated() {
        for (place, value) in tensor.doubles.enumerated() {
          plain[index][place].update(
            gradient: Double(gradientScale) * value, learningRate: learningRate)
        }
      }
    }
    #expect(optimizer.step == 20)
    let found = [module.stateDictionary, optimizer.first, optimizer.second].map(\.tensors)
    let fields = [\PlainAdamW.value, \.first, \.second]
    for (tensors, field) in zip(found, fields) {
      for (tensor, expected) in zip(tensors, plain) {
        let expected = expected.map { $0[keyPath: field] }
        let largest = expected.reduce(0) { max($0, abs($1)) }
        // About eight roundings a step, none of them amplified.
        expectClose(
          tensor.scalars, expected.map(Float.init),
          within: expected.map { _ in Rounding.error(8 * 20) * max(largest, 1) }, "\(field)")
      }
    }
  }

  /// The update of a batch's own parameters has the bits of the update of a module.
  @Test func updatesBatchesAsModules() throws {
    var network = try LanguageModel.small(.characters(of: "abc")).network
    let batch = RecordedBatch(ofLossAt: network, windows: 2, length: 5)
    for window in batch.inputs {
      window.overwrite(inputs: [0, 1, 2, 2, 1], targets: [1, 2, 2, 1, 0])
    }
    var ofBatch = AdamW(for: network.stateDictionary, constants: Self.constants[1])
    var ofModule = ofBatch
    for _ in 1...3 {
      _ = batch.run()
      let gradient = StateDictionary(names: batch.names, tensors: batch.gradients)
      ofModule.update(&network, with: gradient, learningRate: 0.1, gradientScale: 0.5)
      ofBatch.update(batch, learningRate: 0.1, gradientScale: 0.5)
      #expect(batch.parameters == network.stateDictionary.tensors)
    }
    #expect(ofBatch == ofModule)
  }

  @Test func isAValue() {
    var generator = SeededGenerator(seed: 3)
    var module = Linear(inputs: 2, outputs: 2, using: &generator)
    let ones = StateDictionary(
      names: module.stateDictionary.names,
      tensors: module.stateDictionary.tensors.map { Tensor(shape: $0.shape, repeating: 1) })
    var optimizer = AdamW(for: module.stateDictionary)
    let beginning = optimizer
    optimizer.update(&module, with: ones, learningRate: 0.1)
    #expect(beginning == AdamW(for: module.stateDictionary))
    #expect(optimizer != beginning)

    let restored = AdamW(
      step: optimizer.step, first: optimizer.first, second: optimizer.second,
      constants: optimizer.constants)
    #expect(restored == optimizer)
  }

  /// Ten steps that PyTorch took in double precision.
  @Test func repeatsTheGoldenSteps() throws {
    let file = try Safetensors(contentsOf: goldenFile("training-10-steps"))
    let names = file.entries.map(\.name)
    let weights = names.filter {
      !$0.hasPrefix("after.") && !["input_ids", "targets", "losses"].contains($0)
    }
    var network = try LogarithmicMemoryNetwork(
      Configuration(json: #require(file.metadata["config"])),
      loading: file.stateDictionary(of: weights))
    var optimizer = AdamW(for: network.stateDictionary)
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
    for step in 0..<steps {
      let (inputs, targets) = (rows(inputs, of: step), rows(targets, of: step))
      let (loss, gradient) = valueWithGradient(at: network, overBatchOf: batch) { network, row in
        network.loss(of: inputs[row], targets: targets[row])
      }
      #expect(abs(loss - losses[step]) <= 1e-5 * losses[step], "step \(step)")
      optimizer.update(&network, with: gradient, learningRate: learningRate)
    }

    let found = network.published(network.stateDictionary)
    #expect(found.names.count == weights.count)
    for (name, tensor) in zip(found.names, found.tensors) {
      let (shape, expected) = try file.floats("after.\(name)")
      #expect(tensor.shape == shape)
      var bounds = [Double](repeating: 1e-5, count: expected.count)
      if name.hasSuffix("qkv.bias") {
        // The bias of the queries adds the same to every score of a position, so its gradient is
        // exactly 0. What is computed is rounding, and AdamW scales that to steps of any length up
        // to the learning rate.
        for place in 0..<network.configuration.width {
          bounds[place] = Double(Float(2 * steps) * learningRate)
        }
      }
      expectClose(tensor.scalars, expected, within: bounds, name)
    }
  }
}

/// The path of a golden file of this package.
func goldenFile(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Goldens/\(name).safetensors").standardized.path
}
