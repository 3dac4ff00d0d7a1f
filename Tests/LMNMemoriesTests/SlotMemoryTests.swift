import Foundation
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@testable import LMNMemories

/// A slot memory as a test case.
struct SlotMemoryCase: Sendable, CustomTestStringConvertible {
  let width: Int
  let settings: SlotMemory.Settings

  init(
    width: Int, heads: Int, slots: Int, segment: Int, temperature: Float = 0.25,
    forgetting: Bool = true
  ) {
    self.width = width
    var settings = SlotMemory.Settings()
    (settings.heads, settings.slots, settings.segment) = (heads, slots, segment)
    (settings.temperature, settings.forgetting) = (temperature, forgetting)
    self.settings = settings
  }

  static let all = [
    SlotMemoryCase(width: 8, heads: 2, slots: 3, segment: 8),
    SlotMemoryCase(width: 6, heads: 3, slots: 1, segment: 1, temperature: 1),
    SlotMemoryCase(width: 8, heads: 4, slots: 17, segment: 5, forgetting: false),
    SlotMemoryCase(width: 7, heads: 1, slots: 4, segment: 64, temperature: 0.5),
    SlotMemoryCase(width: 16, heads: 2, slots: 8, segment: 16),
  ]

  var testDescription: String {
    "\(width)/\(settings.heads), \(settings.slots) slots, segments of \(settings.segment), "
      + "temperature \(settings.temperature)\(settings.forgetting ? "" : ", no forgetting")"
  }

  /// With a bias by distance that is not its initial zero.
  var memory: SlotMemory {
    var source = ParameterSource(seed: 1)
    var memory = SlotMemory(width: width, settings, using: &source)
    memory.positionBias = Variable(
      constant: .random([settings.heads, settings.segment], seed: 2))
    return memory
  }

  func checks(on instructionSet: InstructionSet) -> MemoryChecks {
    // A chain of up to 103 writes, each with a softmax over a segment, sums of the width and a norm:
    // a write's rounding is amplified by those after it, at most by the inverse of the temperature.
    let S = settings.segment
    let roundings: Int = instructionSet == .reference ? 64 : 64 * (S + width) + 512
    let tolerance: Double = Rounding.error(roundings) / Double(settings.temperature)
    return MemoryChecks(
      memory: memory, width: width, tolerance: tolerance, seed: 3,
      // What a token has written fades with every write.
      chunk: 64, remembers: { $1 / S - $0 / S < 7 })
  }
}

@Suite struct SlotMemoryTests {
  @Test(arguments: InstructionSet.available, SlotMemoryCase.all)
  func keepsEverything(_ instructionSet: InstructionSet, _ example: SlotMemoryCase) {
    example.checks(on: instructionSet).expectEqualForms(on: instructionSet)
  }

  @Test(arguments: SlotMemoryCase.all)
  func gradientsAreSlopes(_ example: SlotMemoryCase) {
    computing(on: .reference) { example.checks(on: .reference).expectGradientsToBeSlopes() }
  }

  @Test(arguments: InstructionSet.available, SlotMemoryCase.all)
  func gradientsFlowThroughStates(_ instructionSet: InstructionSet, _ example: SlotMemoryCase) {
    computing(on: instructionSet) {
      example.checks(on: instructionSet).expectGradientsToFlowThroughStates()
    }
  }

  /// Both forms at cuts directly before, at and after the borders of segments.
  @Test(arguments: InstructionSet.available, SlotMemoryCase.all)
  func formsAgreeAtBorders(_ instructionSet: InstructionSet, _ example: SlotMemoryCase) {
    let S = example.settings.segment
    computing(on: instructionSet) {
      let lengths: [Int] = [S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, 3 * S]
      example.checks(on: instructionSet).expectTheFormsToAgree(lengths: lengths.filter { $0 > 0 })
    }
  }

  /// Both forms equal the definition in double precision, token by token.
  @Test(arguments: InstructionSet.available, SlotMemoryCase.all)
  func isTheDefinition(_ instructionSet: InstructionSet, _ example: SlotMemoryCase) {
    computing(on: instructionSet) {
      let (memory, length) = (example.memory, 70)
      let tokens = Tensor.random([length, example.width], seed: 5)
      var (state, pass) = (memory.initialState, Pass(length: length))
      let found = memory(Variable(constant: tokens), after: &state, &pass).value
      let definition = SlotDefinition(memory)
      let expected = definition.outputs(of: tokens)
      let tolerance = example.checks(on: .available[0]).tolerance
      for (found, expected, name) in [
        (found.scalars, expected.outputs, "outputs"),
        (state["slots"].value.scalars, expected.slots, "slots"),
      ] {
        let largest = expected.reduce(0) { max($0, abs($1)) }
        expectClose(
          found, expected.map(Float.init), within: expected.map { _ in tolerance * largest }, name)
      }
    }
  }

  /// A slot that only keeps itself moves towards its initial value, at the rate of the paper: what
  /// is orthogonal to it shrinks by 1 / (1 + |v| / √E) per segment.
  @Test(arguments: [0.02, 0.16, 1.0] as [Float])
  func forgetsWithItsHalfLife(_ share: Float) {
    computing(on: .reference) {
      let width = 16
      let (memory, direction) = keeper(width: width, forgetting: share)
      // Away from the initial slot by an angle of a hundredth, whose square is the error of the rate.
      var state = memory.initialState
      let far: [Float] = direction.indices.map { direction[$0] + ($0 < 8 ? 0.01 : -0.01) as Float }
      state["slots"] = Variable(constant: Tensor(shape: [1, width], scalars: far))
      let before = deviation(state, from: direction)
      var pass = Pass(length: 4)
      let zeros = Tensor(shape: [4, width], repeating: 0)
      _ = memory(Variable(constant: zeros), after: &state, &pass)
      let rate: Double = pow(deviation(state, from: direction) / before, 0.25)
      let expected: Double = 1 / (1 + Double(share))
      let halfLives: Double = log(rate) / log(expected)
      #expect(abs(halfLives - 1) < 1e-3)
    }
  }

  /// A memory of one slot, which keeps itself: tokens of zeros have scores far below its own.
  ///
  /// Its forgetting vector is a share of √E long, and its initial slot is the direction.
  private func keeper(
    width: Int, forgetting share: Float
  ) -> (memory: SlotMemory, direction: [Float]) {
    var source = ParameterSource(seed: 1)
    var settings = SlotMemory.Settings()
    (settings.slots, settings.segment, settings.heads) = (1, 1, 1)
    var memory = SlotMemory(width: width, settings, using: &source)
    let direction: [Float] = (0..<width).map { $0 % 2 == 0 ? 1 : -1 }
    memory.writer.forgetting = Variable(
      constant: Tensor(shape: [1, width], scalars: direction.map { share * $0 }))
    var write = [Float](repeating: 0, count: 3 * width * width)
    for row in 0..<2 * width { write[row * width + row % width] = 10 }
    memory.writer.weight = Variable(constant: Tensor(shape: [3 * width, width], scalars: write))
    return (memory, direction)
  }

  /// Length of the part of a slot that is orthogonal to a direction.
  private func deviation(_ state: MemoryState, from direction: [Float]) -> Double {
    let slot: [Double] = state["slots"].value.doubles
    var along: Double = 0
    for (value, axis) in zip(slot, direction) { along += value * Double(axis) }
    along /= Double(direction.count)
    var square: Double = 0
    for (value, axis) in zip(slot, direction) {
      let rest: Double = value - along * Double(axis)
      square += rest * rest
    }
    return square.squareRoot()
  }

  /// The slots before the first token have the gradient of the forgetting vectors, and a stream that
  /// begins anew has these slots.
  @Test func initialSlotsDependOnForgetting() {
    let memory = SlotMemoryCase.all[0].memory
    let forgetting = Variable(parameter: memory.writer.forgetting.value)
    var tracked = memory
    tracked.writer.forgetting = forgetting
    let slots = tracked.initialState["slots"]
    let gradient = slots.gradients(cotangent: .random(slots.value.shape, seed: 1))[forgetting]
    #expect(gradient?.scalars.contains { $0 != 0 } == true)
    for row in 0..<3 {
      let square: Double = slots.value.rows(row..<row + 1).squaredNorm
      #expect(abs(square / 8 - 1) < 1e-4)
    }
    #expect(memory.makeStreams(2).state(at: 1, position: 0) == memory.initialState)
  }

  @Test func parametersHaveTheirPublishedNames() {
    let memory = SlotMemoryCase(width: 8, heads: 2, slots: 3, segment: 5).memory
    #expect(memory.publishedForms.isEmpty)
    let parameters = memory.stateDictionary
    #expect(
      Dictionary(uniqueKeysWithValues: zip(parameters.names, parameters.tensors.map(\.shape))) == [
        "qkv.weight": [24, 8], "qkv.bias": [24], "position_bias": [2, 5],
        "out_proj.weight": [8, 8], "out_proj.bias": [8], "write.weight": [24, 8],
        "forgetting": [3, 8],
      ])
  }

  /// W_K of writing is a copy of W_Q; values are as long as slots; |v| is about 0.16 √E.
  @Test func beginsAsAKeeper() {
    var source = ParameterSource(seed: 1)
    let memory = SlotMemory(width: 64, .init(), using: &source)
    let write = memory.writer.weight.value
    #expect(write.rows(0..<64) == write.rows(64..<128))
    #expect(write.rows(0..<64).scalars.allSatisfy { abs($0) <= 0.125 })
    let ofValues: Double = write.rows(128..<192).squaredNorm / 64
    let ofForgetting: Double = memory.writer.forgetting.value.squaredNorm / (16 * 64 * 0.16 * 0.16)
    #expect(abs(ofValues - 1) < 0.1)
    #expect(abs(ofForgetting - 1) < 0.2)
    #expect(memory.positionBias.value.scalars.allSatisfy { $0 == 0 })
  }

  /// The state has the tokens of the open segment, and does not grow beyond them.
  @Test(arguments: [0, 3, 7, 8, 9, 700])
  func statesHaveTheirShapes(position: Int) {
    let memory = SlotMemoryCase(width: 4, heads: 2, slots: 3, segment: 8).memory
    var (state, pass) = (memory.initialState, Pass(length: position))
    if position > 0 {
      _ = memory(Variable(constant: .random([position, 4], seed: 1)), after: &state, &pass)
    }
    let shapes = memory.stateShapes(at: position)
    #expect(shapes.map(\.name) == ["slots", "read", "write"])
    #expect(shapes.map(\.shape) == [[3, 4], [position % 8, 8], [position % 8, 4]])
    #expect(state.shapes.map(\.shape) == shapes.map(\.shape))
    #expect(memory.layout(start: position, length: 9) == [position % 8])
  }

  @Test(
    arguments: [
      ("slots", 0, "slots is 0, it has to be from 1 to 4096"),
      ("segment", 0, "segment is 0, it has to be from 1 to 1024"),
      ("segment", 1025, "segment is 1025, it has to be from 1 to 1024"),
      ("heads", 0, "heads is 0, it has to be from 1 to 16777216"),
      ("heads", 3, "3 heads do not divide a width of 8"),
      ("temperature", 0, "temperature is 0.0, it has to be above 0 and at most 1"),
      ("temperature", 2, "temperature is 2.0, it has to be above 0 and at most 1"),
    ])
  func settingsAreChecked(_ key: String, _ value: Int, _ sentence: String) {
    var settings = SlotMemory.Settings()
    switch key {
    case "slots": settings.slots = value
    case "segment": settings.segment = value
    case "heads": settings.heads = value
    default: settings.temperature = Float(value)
    }
    let error = #expect(throws: ConfigurationError.self) { try settings.validate(width: 8) }
    #expect(error?.description == sentence)
  }

  @Test func trapsOnMoreTokensThanStreams() async {
    await #expect(processExitsWith: .failure) {
      let memory = SlotMemoryCase(width: 4, heads: 2, slots: 1, segment: 2).memory
      _ = memory.makeStreams(1).step(Tensor(shape: [2, 4], repeating: 0), at: [0])
    }
  }

  @Test func trapsOnANegativePosition() async {
    await #expect(processExitsWith: .failure) {
      let memory = SlotMemoryCase(width: 4, heads: 2, slots: 1, segment: 2).memory
      _ = memory.makeStreams(1).step(Tensor(shape: [1, 4], repeating: 0), at: [-1])
    }
  }
}
