import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

/// A module with submodules.
private struct Network: Module, Equatable {
  var norm: RMSNorm
  var map: Linear
  var unused: LayerNorm

  init(seed: UInt64) {
    var source = ParameterSource(seed: seed)
    norm = RMSNorm(width: 3, using: &source)
    map = Linear(inputs: 3, outputs: 4, using: &source)
    unused = LayerNorm(width: 2, using: &source)
  }

  func callAsFunction(_ x: Tensor) -> Variable { map(norm(Variable(constant: x))) }

  func loss(of item: Int) -> Variable {
    self(.random([2, 3], seed: UInt64(item))).crossEntropy(targets: [1, 3]).mean()
  }

  mutating func visitParameters(_ visit: ParameterVisitor) {
    visit("norm", &norm)
    visit("map", &map)
    visit("unused", &unused)
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
    // Another shape with the same number of elements.
    let weight = saved["map.weight"]!
    expectError(
      .init(misshapen: [.init(name: "map.weight", expected: [4, 3], found: [3, 4])]),
      pairs.map { ($0.name, $0.name == "map.weight" ? weight.reshaped([3, 4]) : $0.tensor) })
    // All errors at once.
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
    copy.forEachParameter { _, parameter in
      var value = parameter.value
      value.withMutableScalars { [count = value.count] in $0.update(repeating: 7, count: count) }
      parameter = Variable(constant: value)
    }
    #expect(copy.stateDictionary.tensors.allSatisfy { $0.scalars.allSatisfy { $0 == 7 } })
    #expect(original == Network(seed: 1))
  }

  /// A module with a parameter without weight decay, and with absent submodules.
  private struct Optional: Module {
    var network: Network? = Network(seed: 1)
    var scale: Variable? = Variable(constant: Tensor(shape: [2], repeating: 1))
    var rate = Variable(constant: Tensor(shape: [1], repeating: 1))

    mutating func visitParameters(_ visit: ParameterVisitor) {
      visit("network", &network)
      visit("scale", &scale)
      visit("rate", &rate, decays: false)
    }
  }

  @Test func absentPartsHaveNoParameters() {
    var module = Optional()
    #expect(module.stateDictionary.names == names.map { "network.\($0)" } + ["scale", "rate"])
    (module.network, module.scale) = (nil, nil)
    #expect(module.stateDictionary.names == ["rate"])
  }

  @Test func parametersSayWhetherTheyDecay() {
    #expect(Optional().parameterTraits.map(\.decays) == .init(repeating: true, count: 6) + [false])
    #expect(Network(seed: 1).parameterTraits.map(\.decays) == .init(repeating: true, count: 5))
  }

  @Test func gradientsAreSlopes() {
    let network = Network(seed: 1)
    expectGradients(
      of: { variables in
        var (network, rest) = (network, variables[...])
        network.forEachParameter { $1 = rest.removeFirst() }
        return network(.random([2, 3], seed: 5))
      }, at: network.stateDictionary.tensors)
  }

  @Test func valueWithGradientNamesEveryParameter() {
    let network = Network(seed: 1)
    let (value, gradient) = valueWithGradient(at: network) { $0.loss(of: 0) }
    let (expected, gradients) = valueWithGradient(at: network.stateDictionary.tensors) {
      (variables) in
      var (network, rest) = (network, variables[...])
      network.forEachParameter { $1 = rest.removeFirst() }
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
    let items = (0..<count).map { item in
      valueWithGradient(at: network) { $0.loss(of: item) }
    }
    let mean = items.reduce(0) { $0 + Double($1.value) } / Double(count)
    #expect(batch.value == Float(mean))
    #expect(batch.gradient.names == names)
    for (index, gradient) in batch.gradient.tensors.enumerated() {
      let gradients = items.map { $0.gradient.tensors[index].doubles }
      let expected = gradient.scalars.indices.map { element in
        gradients.reduce(0) { $0 + $1[element] } / Double(count)
      }
      // Roundings: an item's cotangent, 1 / count; about ten in its pullbacks (mean, softmax, two
      // matrix products of two rows, a norm of three columns) and as many in those of the whole;
      // the sums. All are relative to terms no larger than 1.
      let bounds = expected.map { _ in Rounding.error(20 + count) }
      expectClose(gradient.scalars, expected.map { Float($0) }, within: bounds, names[index])
    }
  }

  @Test func aBatchOfOneIsItsItem() {
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
