import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

/// Checks for every memory; the suite of each memory calls them.
struct MemoryChecks {
  let memory: any Memory
  let width: Int
  /// Largest difference between the two forms, relative to the largest output.
  let tolerance: Double
  /// Seed of inputs and cuts.
  let seed: UInt64
  /// Length of chunks that can be computed in parallel.
  let chunk: Int
  /// Whether a token affects the output at a later position.
  let remembers: (_ token: Int, _ position: Int) -> Bool

  /// Lengths around powers of two, and some that are far from them.
  static var lengths: [Int] { [1, 2, 3, 7, 8, 9, 31, 32, 33, 100] }

  /// All checks of values, on an instruction set.
  func expectEqualForms(
    on instructionSet: InstructionSet, lengths: [Int] = Self.lengths,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    computing(on: instructionSet) {
      expectTheFormsToAgree(lengths: lengths, sourceLocation: sourceLocation)
      expectReadingSideBySide(sourceLocation: sourceLocation)
      expectStatesToBeValues(sourceLocation: sourceLocation)
      expectRowsToBeIndependent(sourceLocation: sourceLocation)
      expectCausality(sourceLocation: sourceLocation)
      expectFiniteOutputs(sourceLocation: sourceLocation)
    }
    expectTheSameOnAnyThreads(instructionSet, sourceLocation: sourceLocation)
  }

  /// Parallel form, sequential form and any mix of both give the same outputs, and final states
  /// with the same continuation.
  func expectTheFormsToAgree(
    lengths: [Int] = Self.lengths, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var values = SeededValues(seed: seed)
    for length in lengths {
      let tokens = Tensor.random([length, width], using: &values)
      let next = Tensor.random([3, width], using: &values)
      var state = initialState
      let expected = parallel(tokens, after: &state) + parallel(next, after: &state)
      let cuts =
        [[Piece](repeating: .step, count: length)]
        + (0..<2).map { _ in Piece.mix(of: length, using: &values) }
      for cut in cuts {
        var state = initialState
        let found = outputs(of: tokens, cut: cut, after: &state) + stepped(next, after: &state)
        expectNear(
          found, expected, "length \(length), cut \(cut), seed \(seed)",
          sourceLocation: sourceLocation)
      }
    }
  }

  /// Chunks computed in parallel give the same bits and final state as in sequence, both where they
  /// can be computed in parallel and where they cannot.
  func expectReadingSideBySide(sourceLocation: SourceLocation = #_sourceLocation) {
    var values = SeededValues(seed: seed)
    for (start, lengths) in [
      (0, [8]), (0, [8, 8, 8]), (16, [8, 8]), (32, [16, 16, 16, 16]), (5, [1, 1, 1]), (5, [8, 8]),
      (0, [6, 6]), (8, [8, 4]), (0, []), (0, [chunk, chunk]),
      (2 * chunk, [chunk, chunk, chunk]),
    ] {
      var before = initialState
      _ = parallel(.random([start, width], using: &values), after: &before)
      let chunks = lengths.map { Tensor.random([$0, width], using: &values) }
      let next = Tensor.random([3, width], using: &values)
      var state = before
      let expected =
        chunks.flatMap { parallel($0, after: &state) } + stepped(next, after: &state)
      for threads in 1...3 {
        computing(on: ExecutionContext.current.instructionSet, threads: threads) {
          var state = before
          let found = memory.read(chunks, after: &state.memory, start: start).flatMap(\.scalars)
          state.position += lengths.reduce(0, +)
          #expect(
            found + stepped(next, after: &state) == expected,
            "\(lengths) after \(start), \(threads) threads, seed \(seed)",
            sourceLocation: sourceLocation)
        }
      }
    }
  }

  /// A copied state continues independently of its copies.
  func expectStatesToBeValues(sourceLocation: SourceLocation = #_sourceLocation) {
    var values = SeededValues(seed: seed)
    let (one, other) = (
      Tensor.random([9, width], using: &values), Tensor.random([9, width], using: &values)
    )
    var state = initialState
    _ = parallel(.random([5, width], using: &values), after: &state)
    for form in [parallel, stepped] {
      let alone = [one, other].map { tokens in
        var copy = state
        return form(tokens, &copy)
      }
      #expect(alone[0] != alone[1], sourceLocation: sourceLocation)
      var (first, second) = (state, state)
      var interleaved: [[Float]] = [[], []]
      for cut in [0..<1, 1..<4, 4..<9] {
        interleaved[0] += form(one.rows(cut), &first)
        interleaved[1] += form(other.rows(cut), &second)
      }
      expectNear(interleaved[0], alone[0], "first copy", sourceLocation: sourceLocation)
      expectNear(interleaved[1], alone[1], "second copy", sourceLocation: sourceLocation)
      var copy = state
      #expect(form(one, &copy) == alone[0], sourceLocation: sourceLocation)
    }
  }

  /// A row of a batch has the bits that it has alone, for any positions of the other rows, and a
  /// reset of one row does not affect the others.
  func expectRowsToBeIndependent(sourceLocation: SourceLocation = #_sourceLocation) {
    var values = SeededValues(seed: seed)
    let prefixes = [0, 5, 8, 31].map { Tensor.random([$0, width], using: &values) }
    let (steps, resetRow, resetStep) = (12, 1, 7)
    let tokens = prefixes.map { _ in Tensor.random([steps, width], using: &values) }
    let states = prefixes.map { prefix in
      var state = initialState
      _ = stepped(prefix, after: &state)
      return state
    }
    let alone = prefixes.indices.map { row in
      var state = states[row]
      guard row == resetRow else { return stepped(tokens[row], after: &state) }
      let before = stepped(tokens[row].rows(0..<resetStep), after: &state)
      state = initialState
      return before + stepped(tokens[row].rows(resetStep..<steps), after: &state)
    }
    var together = prefixes.map { _ in [Float]() }
    let (streams, positions) = streams(from: states)
    for step in 0..<steps {
      if step == resetStep {
        streams.reset(resetRow)
        positions.overwrite(at: resetRow, with: 0)
      }
      let batch = Tensor.concatenatingRows(tokens.map { $0.rows(step..<step + 1) })
      let outputs = streams.step(batch, at: positions)
      positions.advance()
      for row in prefixes.indices { together[row] += outputs.rows(row..<row + 1).scalars }
    }
    for row in prefixes.indices {
      #expect(
        together[row] == alone[row], "row \(row), seed \(seed)", sourceLocation: sourceLocation)
    }
  }

  /// A change after t affects no output at or before t, bit for bit; a change of a remembered token
  /// affects output t.
  func expectCausality(sourceLocation: SourceLocation = #_sourceLocation) {
    let length = 33
    var values = SeededValues(seed: seed)
    let tokens = Tensor.random([length, width], using: &values)
    func outputs(of tokens: Tensor) -> Tensor {
      var state = initialState
      return parallel(Variable(constant: tokens), of: memory, after: &state).value
    }
    let original = outputs(of: tokens)
    for position in 0..<length {
      let changed = outputs(
        of: .concatenatingRows([
          tokens.rows(0..<position), .random([1, width], using: &values),
          tokens.rows(position + 1..<length),
        ]))
      #expect(
        changed.rows(0..<position) == original.rows(0..<position),
        "change at \(position), seed \(seed)", sourceLocation: sourceLocation)
      for later in position..<length where remembers(position, later) {
        #expect(
          changed.rows(later..<later + 1) != original.rows(later..<later + 1),
          "change at \(position), output \(later), seed \(seed)", sourceLocation: sourceLocation)
      }
    }
  }

  /// Constant inputs give finite outputs.
  func expectFiniteOutputs(sourceLocation: SourceLocation = #_sourceLocation) {
    for value: Float in [0, 1, -3] {
      let tokens = Tensor(shape: [33, width], repeating: value)
      for form in [parallel, stepped] {
        var state = initialState
        let isFinite = form(tokens, &state).allSatisfy { $0.isFinite }
        #expect(isFinite, "tokens of \(value)", sourceLocation: sourceLocation)
      }
    }
  }

  /// Outputs of both forms, and gradients, have the same bits for any number of threads.
  func expectTheSameOnAnyThreads(
    _ instructionSet: InstructionSet, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var values = SeededValues(seed: seed)
    let tokens = Tensor.random([100, width], using: &values)
    let batch = Tensor.random([5, width], using: &values)
    func results(threads: Int) -> [Tensor] {
      computing(on: instructionSet, threads: threads) {
        var state = initialState
        let (outputs, gradient) = valueWithGradient(
          at: [tokens] + memory.stateDictionary.tensors
        ) { variables in
          parallel(variables[0], of: memory.with(variables.dropFirst()), after: &state)
        }
        let (streams, positions) = streams(from: .init(repeating: state, count: 5))
        return [outputs] + gradient + [streams.step(batch, at: positions)]
      }
    }
    let one = results(threads: 1)
    for threads in [2, 3] {
      #expect(
        results(threads: threads) == one, "\(threads) threads, seed \(seed)",
        sourceLocation: sourceLocation)
    }
  }

  /// Gradients with respect to tokens and parameters equal central differences of the given step,
  /// from the beginning and from a later position.
  func expectGradientsToBeSlopes(
    lengths: [Int] = [1, 8, 11], step: Float = 1 / 128,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (start, length) in [0, 5].flatMap({ start in lengths.map { (start, $0) } }) {
      var values = SeededValues(seed: seed)
      var before = initialState
      if start > 0 { _ = stepped(.random([start, width], using: &values), after: &before) }
      let tokens = Tensor.random([length, width], using: &values)
      expectGradients(
        of: { variables in
          var state = before
          return parallel(variables[0], of: memory.with(variables.dropFirst()), after: &state)
        }, at: [tokens] + memory.stateDictionary.tensors, step: step, seed: seed,
        sourceLocation: sourceLocation)
    }
  }

  /// Gradients that flow through a state equal those of the whole: cut and uncut sequences have the
  /// same gradients; a detached state stops them.
  func expectGradientsToFlowThroughStates(sourceLocation: SourceLocation = #_sourceLocation) {
    var values = SeededValues(seed: seed)
    let (length, cuts) = (23, [0, 1, 9, 14, 23])
    let inputs = [Tensor.random([length, width], using: &values)] + memory.stateDictionary.tensors
    let cotangent = Tensor.random([length, width], using: &values)
    func gradients(cuts: [Int], detaching: Bool) -> [[Float]] {
      let parameters = inputs.map(Variable.init(parameter:))
      let memory = memory.with(parameters.dropFirst())
      var (state, outputs) = (State(memory: memory.initialState), [Variable]())
      for (begin, end) in zip(cuts, cuts.dropFirst()) {
        if detaching { state.memory = state.memory.detached }
        outputs.append(
          parallel(parameters[0].rows(at: Array(begin..<end)), of: memory, after: &state))
      }
      let gradients = Variable.concatenatingRows(outputs).gradients(cotangent: cotangent)
      return parameters.map { gradients[$0]?.scalars ?? [] }
    }
    let whole = gradients(cuts: [0, length], detaching: false)
    let cut = gradients(cuts: cuts, detaching: false)
    for (index, expected) in whole.enumerated() {
      let largest = expected.reduce(0) { max($0, Double(abs($1))) }
      // Sums over all tokens, which are cut at other places.
      expectClose(
        cut[index], expected,
        within: expected.map { _ in Double(length) * tolerance * max(largest, 1) },
        "gradient \(index), seed \(seed)", sourceLocation: sourceLocation)
    }
    #expect(
      gradients(cuts: cuts, detaching: true)[0] != cut[0], "seed \(seed)",
      sourceLocation: sourceLocation)
  }

  /// State and position of one stream.
  struct State: Equatable {
    var position = 0
    var memory: MemoryState
  }

  private var initialState: State { State(memory: memory.initialState) }

  private func streams(
    from states: [State]
  ) -> (streams: any MemoryStreams, positions: PositionBuffer) {
    let streams = memory.makeStreams(states.count)
    for (row, state) in states.enumerated() {
      streams.load(state.memory, at: row, position: state.position)
    }
    return (streams, PositionBuffer(states.map { Int64($0.position) }))
  }

  private func parallel(
    _ tokens: Variable, of memory: any Memory, after state: inout State
  ) -> Variable {
    var pass = Pass(start: state.position, length: tokens.value.shape[0])
    state.position += tokens.value.shape[0]
    return memory(tokens, after: &state.memory, &pass)
  }

  private func parallel(_ tokens: Tensor, after state: inout State) -> [Float] {
    if tokens.count == 0 { return [] }
    return parallel(Variable(constant: tokens), of: memory, after: &state).value.scalars
  }

  private func stepped(_ tokens: Tensor, after state: inout State) -> [Float] {
    let (streams, positions) = streams(from: [state])
    let outputs = (0..<tokens.shape[0]).flatMap { token in
      defer { positions.advance() }
      return streams.step(tokens.rows(token..<token + 1), at: positions).scalars
    }
    state.position += tokens.shape[0]
    state.memory = streams.state(at: 0, position: state.position)
    return outputs
  }

  private func outputs(of tokens: Tensor, cut: [Piece], after state: inout State) -> [Float] {
    var (outputs, begin) = ([Float](), 0)
    for piece in cut {
      let rows = tokens.rows(begin..<begin + piece.length)
      switch piece {
      case .step: outputs += stepped(rows, after: &state)
      case .chunk: outputs += parallel(rows, after: &state)
      }
      begin += piece.length
    }
    return outputs
  }

  private func expectNear(
    _ found: [Float], _ expected: [Float], _ label: String, sourceLocation: SourceLocation
  ) {
    let largest = expected.reduce(0) { max($0, Double(abs($1))) }
    expectClose(
      found, expected, within: expected.map { _ in tolerance * largest }, label,
      sourceLocation: sourceLocation)
  }
}

/// A step, or a chunk of some length.
enum Piece: CustomStringConvertible {
  case step
  case chunk(Int)

  var length: Int {
    switch self {
    case .step: 1
    case .chunk(let length): length
    }
  }

  var description: String {
    switch self {
    case .step: "step"
    case .chunk(let length): "\(length)"
    }
  }

  /// Steps and chunks of up to twelve tokens, in random order, `length` tokens in total.
  static func mix(of length: Int, using values: inout SeededValues) -> [Piece] {
    var (pieces, rest) = ([Piece](), length)
    while rest > 0 {
      let size = Int(values.next() % 24)
      pieces.append(size < 12 ? .step : .chunk(min(size - 11, rest)))
      rest -= pieces.last!.length
    }
    return pieces
  }
}

extension Memory {
  /// The same memory with these parameters, in order.
  func with(_ parameters: some Sequence<Variable>) -> Self {
    var (module, rest) = (self, parameters.makeIterator())
    module.forEachParameter { $1 = rest.next()! }
    return module
  }
}
