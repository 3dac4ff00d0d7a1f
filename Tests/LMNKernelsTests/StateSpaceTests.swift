import CLMN
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct StateSpaceTests {
  static let sizes =
    [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40].map { StateSpaceSize(length: 70, width: $0, states: 5) }
    + [1, 2, 3, 4, 6, 7, 8, 13, 33].map { StateSpaceSize(length: 66, width: 9, states: $0) }
    + [0, 1, 2, 3, 31, 63, 64, 65, 127, 128, 130, 1100].map {
      StateSpaceSize(length: $0, width: 5, states: 4)
    }
  static let sharedSizes = [
    StateSpaceSize(length: 130, width: 100, states: 6),
    StateSpaceSize(length: 1100, width: 40, states: 32),
  ]
  static let calls = sizes.flatMap { [forward($0), backward($0), step($0)] }
  static let sharedCalls = sharedSizes.flatMap { [forward($0), backward($0), step($0)] }

  @Test(arguments: InstructionSet.tuned, calls + sharedCalls)
  func agreesWithReference(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectReferenceResults(on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, sharedCalls)
  func doesNotDependOnThreads(_ instructionSet: InstructionSet, _ call: KernelCall) {
    call.expectSameBitsOnAnyThreads(on: instructionSet)
  }

  /// The forward pass and its pullback, at decays that keep a thousand tokens, are those of the
  /// plain recurrence.
  ///
  /// With |a| at most 1, a state h and its error obey |h| ≤ Σ |a|ᵏ |y| = m and, with four roundings
  /// per token in each part, three per chunk for carried ones, error ≤ 8 u Σ m: at most 8 u times
  /// the number of tokens, times the largest m.
  @Test(arguments: InstructionSet.available)
  func isThePlainRecurrence(_ instructionSet: InstructionSet) {
    let size = StateSpaceSize(length: 1100, width: 5, states: 8)
    let (y, skip, before) = (size.values(1, .y), size.values(2, .skip), size.values(3, .states))
    let coefficients = computing(on: .reference) {
      Discretization(
        logStep: Tensor(shape: [5], scalars: [-6.9, -6, -5, -4, -2.3]),
        logDecay: Tensor(shape: [5, 8], repeating: -0.69),
        frequency: Tensor(shape: [5, 8], scalars: (0..<40).map { 3.14 * Float($0 % 8) }),
        output: .random([5, 8, 2], seed: 4)
      ).coefficients
    }
    let (results, _) = computing(on: instructionSet) {
      Tensor(shape: [1100, 5], scalars: y).stateSpace(
        coefficients: coefficients, skip: Tensor(shape: [5], scalars: skip),
        after: Tensor(shape: [16, 5], scalars: before))
    }
    let plain = PlainStateSpace(
      length: 1100, width: 5, states: 8, y: y, coefficients: coefficients.scalars, skip: skip,
      before: before)
    let (s, after) = plain.results()
    // Per channel a state is at most the sum of all tokens and the first state.
    let largest = (0..<5).map { e in
      (0..<1100).reduce(2) { $0 + Double(abs(y[$1 * 5 + e])) }
    }
    let error = largest.map { $0 * Rounding.error(8 * 1100) }
    let weights = (0..<5).map { e in
      (0..<16).reduce(0) {
        $0 + abs(Double(coefficients.scalars[($1 / 2 * 4 + 2 + $1 % 2) * 5 + e]))
      }
    }
    let found = results.scalars
    expectClose(
      Array(found.prefix(5500)), s.map(Float.init),
      within: s.indices.map { weights[$0 % 5] * error[$0 % 5] }, "s")
    expectClose(
      Array(found.dropFirst(5500)), after.map(Float.init),
      within: after.indices.map { error[$0 % 5] }, "states")
  }

  /// A million tokens: states stay finite, and after zeros they are 0, not subnormal numbers.
  @Test(arguments: InstructionSet.tuned)
  func staysFiniteAndNormal(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let (width, length) = (3, 1 << 20)
      let coefficients = Discretization(
        logStep: Tensor(shape: [3], scalars: [-6.9, -2, 3]),
        logDecay: Tensor(shape: [3, 2], scalars: [-40, -0.7, -0.7, 1, 3, 6]),
        frequency: Tensor(shape: [3, 2], scalars: [0, 3, 100, 3, 0, 200]),
        output: Tensor(shape: [3, 2, 2], repeating: 1)
      ).coefficients
      let skip = Tensor(shape: [3], repeating: 1)
      let ones = Tensor(shape: [length, width], repeating: 1)
      let zero = Tensor(shape: [4, width], repeating: 0)
      let (results, carried) = ones.stateSpace(coefficients: coefficients, skip: skip, after: zero)
      #expect(results.scalars.allSatisfy { $0.isFinite })
      let pulled = ones.stateSpacePullback(
        results.adding(results), coefficients: coefficients, skip: skip, carried: carried)
      #expect(
        (pulled.y.scalars + pulled.coefficients.scalars + pulled.states.scalars)
          .allSatisfy { $0.isFinite })
      let silence = Tensor(shape: [1 << 18, width], repeating: 0)
      let quiet = silence.stateSpace(
        coefficients: coefficients, skip: skip, after: results.rows(length..<length + 4))
      let states = quiet.results.scalars.suffix(4 * width)
      #expect(states.allSatisfy { $0 == 0 || $0.isNormal }, "\(states)")
      // All but the state that never decays.
      #expect(states.filter { $0 != 0 }.count == 1, "\(states)")
    }
  }

  /// A token that is not a number spoils its channel, and no other.
  @Test(arguments: InstructionSet.available)
  func keepsNotANumber(_ instructionSet: InstructionSet) {
    computing(on: instructionSet) {
      let coefficients = Tensor(shape: [1, 4, 3], repeating: 0.5)
      let results = Tensor(shape: [2, 3], scalars: [0, .nan, 0, 0, 0, 0]).stateSpace(
        coefficients: coefficients, skip: Tensor(shape: [3], repeating: 0),
        after: Tensor(shape: [2, 3], repeating: 0)
      ).results
      for (index, value) in results.scalars.enumerated() {
        #expect(value.isNaN == (index % 3 == 1))
      }
    }
  }

  @Test func trapsOnStatesOfAnotherWidth() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 3], repeating: 0).stateSpace(
        coefficients: Tensor(shape: [1, 4, 3], repeating: 0),
        skip: Tensor(shape: [3], repeating: 0),
        after: Tensor(shape: [2, 2], repeating: 0))
    }
  }
}

/// Sizes of a model of some tokens.
struct StateSpaceSize {
  let length, width, states: Int

  enum Kind { case y, coefficients, skip, states, cotangent }

  var chunks: Int { (length + Int(LMN_STATE_SPACE_CHUNK) - 1) / Int(LMN_STATE_SPACE_CHUNK) }

  var description: String { "L \(length), E \(width), P \(states)" }

  /// Random values; |Re a| + |Im a| is below 1, so that magnitudes of states do not grow.
  func values(_ seed: UInt64, _ kind: Kind) -> [Float] {
    var values = SeededValues(seed: seed)
    switch kind {
    case .y, .cotangent: return values.floats(length * width)
    case .skip: return values.floats(width)
    case .states: return values.floats(2 * states * width)
    case .coefficients:
      return (0..<states).flatMap { _ in
        values.floats(width, in: -0.9...0.9) + values.floats(width, in: -0.09...0.09)
          + values.floats(2 * width)
      }
    }
  }

  /// Bounds of the results of either pass: two roundings per token and part of a state, three of a
  /// cotangent, four per chunk of a carried one on either instruction set; products of both; sums
  /// over the tokens of a chunk, over chunks, and over states; the reference's rounding.
  func bounds(_ magnitudes: [[Double]]) -> [[Double]] {
    let chunk = min(length, Int(LMN_STATE_SPACE_CHUNK))
    let error = Rounding.error(5 * length + 16 * (chunks + 1) + 2 * chunk + 2 * states + 8)
    return magnitudes.map { $0.map { error * $0 } }
  }

  func magnitudes(_ inputs: [[Float]]) -> PlainStateSpace {
    PlainStateSpace(
      length: length, width: width, states: states, y: inputs[0], coefficients: inputs[1],
      skip: inputs[2], before: inputs[3], magnitudes: true)
  }
}

private func forward(_ size: StateSpaceSize) -> KernelCall {
  let inputs = [
    size.values(1, .y), size.values(2, .coefficients), size.values(3, .skip),
    size.values(4, .states),
  ]
  return KernelCall(
    "state space, \(size.description)", inputs: inputs,
    accuracy: .bounded { expected in
      // Carried states are at most as large as those of all tokens with the largest value.
      let (s, _) = size.magnitudes(inputs).results()
      let carried = expected[1].indices.map { _ in 1 + 1 / (1 - 0.99) }
      return size.bounds([s, carried])
    }
  ) { context, arrays, inputs in
    let rest = [Float](repeating: .nan, count: size.chunks * 2 * size.states * size.width)
    var arguments = lmn_state_space(
      length: size.length, width: size.width, states: size.states, y: arrays.input(inputs[0]),
      coefficients: arrays.input(inputs[1]), skip: arrays.input(inputs[2]), carried: nil,
      s: arrays.output(size.length * size.width))
    arguments.carried = arrays.updated(inputs[3] + rest)
    lmn_state_space_forward(context, &arguments)
  }
}

private func backward(_ size: StateSpaceSize) -> KernelCall {
  let inputs = [
    size.values(1, .y), size.values(2, .coefficients), size.values(3, .skip),
    size.values(4, .states), size.values(5, .cotangent), size.values(6, .states),
  ]
  let carried = computing(on: .reference) {
    Tensor(shape: [size.length, size.width], scalars: inputs[0]).stateSpace(
      coefficients: Tensor(shape: [size.states, 4, size.width], scalars: inputs[1]),
      skip: Tensor(shape: [size.width], scalars: inputs[2]),
      after: Tensor(shape: [2 * size.states, size.width], scalars: inputs[3])
    ).carried.scalars
  }
  return KernelCall(
    "state space's pullback, \(size.description)", inputs: inputs + [carried],
    accuracy: .bounded { _ in
      size.bounds(size.magnitudes(inputs).pullback(inputs[4], inputs[5]))
    }
  ) { context, arrays, inputs in
    var arguments = lmn_state_space_grad(
      length: size.length, width: size.width, states: size.states, y: arrays.input(inputs[0]),
      coefficients: arrays.input(inputs[1]), skip: arrays.input(inputs[2]),
      carried: arrays.input(inputs[6]), d_s: arrays.input(inputs[4]),
      d_state: arrays.updated(inputs[5]), d_y: arrays.output(size.length * size.width),
      d_coefficients: arrays.output(4 * size.states * size.width),
      d_skip: arrays.output(size.width))
    lmn_state_space_backward(context, &arguments)
  }
}

/// A step of as many streams as there are tokens.
private func step(_ size: StateSpaceSize) -> KernelCall {
  let streams = min(size.length, 5)
  let one = StateSpaceSize(length: 1, width: size.width, states: size.states)
  let inputs = [
    Array(size.values(1, .y).prefix(streams * size.width)), size.values(2, .coefficients),
    size.values(3, .skip),
    (0..<streams).flatMap { size.values(UInt64(4 + $0), .states) },
  ]
  return KernelCall(
    "state space's step, \(streams) streams, \(size.description)", inputs: inputs,
    accuracy: .bounded { _ in
      let results = (0..<streams).map { stream in
        let (width, count) = (size.width, 2 * size.states * size.width)
        return one.magnitudes([
          Array(inputs[0][stream * width..<(stream + 1) * width]), inputs[1], inputs[2],
          Array(inputs[3][stream * count..<(stream + 1) * count]),
        ]).results()
      }
      return one.bounds([results.flatMap(\.after), results.flatMap(\.s)])
    }
  ) { context, arrays, inputs in
    var arguments = lmn_state_space_step(
      streams: streams, width: size.width, states: size.states, y: arrays.input(inputs[0]),
      coefficients: arrays.input(inputs[1]), skip: arrays.input(inputs[2]),
      state: arrays.updated(inputs[3]), s: arrays.output(streams * size.width))
    lmn_state_space_step_forward(context, &arguments)
  }
}
