import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

/// A module of modules.
private struct Network: Module, Equatable {
  var norm = RMSNorm(width: 3)
  var map: Linear
  var unused = LayerNorm(width: 2)

  init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    map = Linear(inputs: 3, outputs: 4, using: &generator)
  }

  func callAsFunction(_ x: Tensor) -> Variable { map(norm(Variable(constant: x))) }

  func loss(of member: Int) -> Variable {
    self(.random([2, 3], seed: UInt64(member))).crossEntropy(targets: [1, 3]).mean()
  }

  mutating func visitParameters(_ visit: (String, inout Variable) -> Void) {
    Self.visit("norm", &norm, visit)
    Self.visit("map", &map, visit)
    Self.visit("unused", &unused, visit)
  }

  static func == (left: Network, right: Network) -> Bool {
    left.stateDictionary == right.stateDictionary
  }
}

@Suite struct ModuleTests {
  private let names = [
    "norm.weight", "map.weight", "map.bias", "unused.weight", "unused.bias",
  ]

  @Test func listsItsParametersOnce() {
    let network = Network(seed: 1)
    #expect(network.stateDictionary.names == names)
    #expect(network.stateDictionary["map.weight"] == network.map.weight.value)
    #expect(network.parameterCount == 3 + 12 + 4 + 2 + 2)
  }

  @Test func loadsWhatAnotherSaved() throws {
    var network = Network(seed: 1)
    try network.load(Network(seed: 2).stateDictionary)
    #expect(network == Network(seed: 2))
  }

  @Test func loadsInAnyOrder() throws {
    var network = Network(seed: 1)
    let saved = Network(seed: 2).stateDictionary
    try network.load(
      StateDictionary(names: saved.names.reversed(), tensors: saved.tensors.reversed()))
    #expect(network == Network(seed: 2))
  }

  @Test func loadsAllOrNothing() {
    var network = Network(seed: 1)
    let saved = Network(seed: 2).stateDictionary
    func expectError(
      _ error: StateDictionaryError, _ pairs: [(name: String, tensor: Tensor)],
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(throws: error, sourceLocation: sourceLocation) {
        try network.load(StateDictionary(pairs))
      }
      #expect(network == Network(seed: 1), sourceLocation: sourceLocation)
    }
    let pairs = zip(saved.names, saved.tensors).map { (name: $0, tensor: $1) }
    expectError(.init(missing: ["map.bias"]), pairs.filter { $0.name != "map.bias" })
    expectError(.init(missing: names), [])
    let one = Tensor(shape: [1], repeating: 0)
    expectError(.init(unexpected: ["map.scale", "x"]), pairs + [("map.scale", one), ("x", one)])
    expectError(
      .init(misshapen: [.init(name: "unused.bias", expected: [2], found: [1])]),
      pairs.dropLast() + [("unused.bias", one)])
    // As many values in another shape.
    let weight = saved["map.weight"]!
    expectError(
      .init(misshapen: [.init(name: "map.weight", expected: [4, 3], found: [3, 4])]),
      pairs.map { ($0.name, $0.name == "map.weight" ? weight.reshaped([3, 4]) : $0.tensor) })
    // All at once.
    expectError(
      .init(
        missing: ["map.bias"], unexpected: ["x"],
        misshapen: [
          .init(name: "map.weight", expected: [4, 3], found: [3, 4]),
          .init(name: "unused.bias", expected: [2], found: [1]),
        ]),
      [("x", one), ("unused.bias", one)]
        + pairs.filter { !["map.bias", "map.weight", "unused.bias"].contains($0.name) }
        + [("map.weight", weight.reshaped([3, 4]))])
  }

  @Test func copiesAreIndependent() {
    let original = Network(seed: 1)
    var copy = original
    copy.updateParameters { _, parameter in
      let count = parameter.count
      parameter.withMutableScalars { $0.update(repeating: 7, count: count) }
    }
    #expect(copy.stateDictionary.tensors.allSatisfy { $0.scalars.allSatisfy { $0 == 7 } })
    #expect(original == Network(seed: 1))
  }

  @Test func updatesGoThroughParametersInOrder() {
    var network = Network(seed: 1)
    var shapes: [[Int]] = []
    network.updateParameters { index, parameter in
      #expect(index == shapes.count)
      shapes.append(parameter.shape)
    }
    #expect(shapes == [[3], [4, 3], [4], [2], [2]])
    #expect(network == Network(seed: 1))
  }

  @Test func gradientsAreSlopes() {
    let network = Network(seed: 1)
    expectGradients(
      of: { variables in
        var (network, rest) = (network, variables[...])
        network.visitParameters { $1 = rest.removeFirst() }
        return network(.random([2, 3], seed: 5))
      }, at: network.stateDictionary.tensors)
  }

  @Test func valueWithGradientNamesEveryParameter() {
    let network = Network(seed: 1)
    let (value, gradient) = valueWithGradient(at: network) { $0.loss(of: 0) }
    let (expected, gradients) = valueWithGradient(at: network.stateDictionary.tensors) {
      (variables) in
      var (network, rest) = (network, variables[...])
      network.visitParameters { $1 = rest.removeFirst() }
      return network.loss(of: 0)
    }
    #expect(value == expected.scalar)
    #expect(gradient == StateDictionary(names: names, tensors: gradients))
    #expect(gradient["unused.bias"] == Tensor(shape: [2], repeating: 0))
  }

  @Test(arguments: [1, 2, 3, 7])
  func valueWithGradientOverABatchIsTheMean(count: Int) {
    let network = Network(seed: 1)
    let batch = valueWithGradient(at: network, overBatchOf: count) { $0.loss(of: $1) }
    let members = (0..<count).map { member in
      valueWithGradient(at: network) { $0.loss(of: member) }
    }
    let mean = members.reduce(0) { $0 + Double($1.value) } / Double(count)
    #expect(batch.value == Float(mean))
    #expect(batch.gradient.names == names)
    for (index, gradient) in batch.gradient.tensors.enumerated() {
      let gradients = members.map { $0.gradient.tensors[index].doubles }
      let expected = gradient.scalars.indices.map { element in
        gradients.reduce(0) { $0 + $1[element] } / Double(count)
      }
      // A member's cotangent, 1 / count, is rounded; its pullbacks (a mean, a softmax, two matrix
      // products of two rows, a norm of three columns) and those of the whole are, some ten times
      // each; then come the sums. All of it is relative to terms no larger than 1.
      let bounds = expected.map { _ in Rounding.error(20 + count) }
      expectClose(gradient.scalars, expected.map { Float($0) }, within: bounds, names[index])
    }
  }

  @Test func aBatchOfOneIsItsMember() {
    let network = Network(seed: 1)
    let batch = valueWithGradient(at: network, overBatchOf: 1) { $0.loss(of: $1) }
    let single = valueWithGradient(at: network) { $0.loss(of: 0) }
    #expect(batch.value == single.value)
    #expect(batch.gradient == single.gradient)
  }

  @Test(arguments: InstructionSet.available, [1, 2, 3, 7])
  func valueWithGradientDoesNotDependOnThreads(_ instructionSet: InstructionSet, count: Int) {
    let network = Network(seed: 1)
    let results = (1...3).map { threads in
      computing(on: instructionSet, threads: threads) {
        valueWithGradient(at: network, overBatchOf: count) { $0.loss(of: $1) }
      }
    }
    #expect(results.allSatisfy { $0.value == results[0].value })
    #expect(results.allSatisfy { $0.gradient == results[0].gradient })
  }
}
