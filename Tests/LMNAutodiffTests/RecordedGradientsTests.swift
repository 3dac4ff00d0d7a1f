import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

/// Results do not depend on the previous contents of their memory.
@Suite struct RecordedGradientsTests {
  @Test(arguments: InstructionSet.available, shapedTrees)
  func ofSummaries(_ instructionSet: InstructionSet, of tree: Tree) {
    let (width, shape) = (3, tree.shape)
    let (banks, arity) = (shape.banks, shape.arity)
    let nodes = [
      Tensor.random([tree.length, width], seed: 1),
      .random([tree.carriedRows.count, width], seed: 2),
    ]
    expectSameGradientsRecorded(
      of: {
        $0[0].affineSummary(
          of: tree, carried: $0[1], weight: $0[2], bias: $0[3],
          expansion: expansion(of: shape, $0[4...]))
      },
      at: nodes + [
        .random([banks, arity * width, width], seed: 3), .random([banks, width], seed: 4),
      ] + expansionInputs(of: shape, width: width), on: instructionSet)
    expectSameGradientsRecorded(
      of: {
        $0[0].separableConv(
          of: tree, carried: $0[1], taps: $0[2], pointwise: $0[3], bias: $0[4],
          expansion: expansion(of: shape, $0[5...]))
      },
      at: nodes + [
        .random([banks, arity + 1, width], seed: 3), .random([banks, width, width], seed: 4),
        .random([banks, width], seed: 5),
      ] + expansionInputs(of: shape, width: width), on: instructionSet)
  }

  /// Includes slots that no position sees.
  @Test(arguments: InstructionSet.available, shapedTrees)
  func ofAttention(_ instructionSet: InstructionSet, of tree: Tree) {
    let scores = Tensor.random([3 + tree.length], seed: 5)
    expectSameGradientsRecorded(
      of: { v in
        v[0].singleVectorAttention(
          keys: v[1], of: tree, heads: 2, levelBias: v[2],
          beside: [
            (TokenAttention.pinned(scores: scores, count: 3, in: tree).tokenAttention, v[3], v[4])
          ])
      },
      at: [
        .random([tree.rowCount + 5, 12], seed: 1), .random([tree.length, 6], seed: 2),
        .random([tree.shape.maximumLevels + 1, 2], seed: 3), .random([3 + tree.length], seed: 4),
        .random([3, 2], seed: 6),
      ], on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, [nil, 0, 5])
  func ofCausalAttention(_ instructionSet: InstructionSet, window: Int?) {
    let shape = CausalAttentionShape(heads: 2, window: window, scale: 1)
    let rotary = Rotary(frequencies: Buffer([0.1]))
    expectSameGradientsRecorded(
      of: { v in
        v[0].rotated(by: rotary, heads: 4, at: PositionBuffer(3..<73))
          .causalAttention(after: v[1], v[2], shape)
      },
      at: [.random([70, 12], seed: 1), .random([3, 4], seed: 2), .random([3, 4], seed: 3)],
      on: instructionSet)
  }

  @Test(arguments: InstructionSet.available, [true, false])
  func ofSlots(_ instructionSet: InstructionSet, forgets: Bool) {
    let shape = SegmentAttentionShape(heads: 2, segment: 6, slots: 3)
    let write = SlotWrite(heads: 2, segment: 6, temperature: 0.5, epsilon: 1e-3)
    expectSameGradientsRecorded(
      of: { v in
        let slots = write(
          v[0].rmsNorm(gain: nil, epsilon: 1e-3), reading: v[1], weight: v[2],
          forgetting: forgets ? v[0] : nil)
        return v[3].segmentAttention(
          slots: slots.matmul(v[4]), tokens: v[5], bias: v[6], shape)
      },
      at: [
        .random([3, 4], seed: 1), .random([12, 8], seed: 2), .random([8, 4], seed: 3),
        .random([14, 4], seed: 4), .random([4, 8], seed: 5), .random([16, 8], seed: 6),
        .random([2, 6], seed: 7),
      ], on: instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func ofLayers(_ instructionSet: InstructionSet) {
    let tokens: TokenBuffer = [2, 0, 2, 3]
    let targets: TokenBuffer = [1, -1, 4, 0]
    expectSameGradientsRecorded(
      of: { v in
        let x = v[0].embedding(of: tokens).rmsNorm(gain: v[1], epsilon: 1e-3)
        let y = x.matmul(v[2]).silu().dropout(rate: 0.5, draw: DropoutDraw(seed: 1), site: 1)
        let z = (x + y).layerNorm(gain: v[1], bias: v[3], epsilon: 1e-3)
        return Variable.concatenatingRows([z.rows(at: [3, 1]), x.rows(at: [0, 2])])
          .linear(weight: v[4], bias: v[5]).crossEntropy(targets: targets)
          .mean(overTargets: targets)
      },
      at: [
        .random([6, 7], seed: 1), .random([7], seed: 2), .random([7, 7], seed: 3),
        .random([7], seed: 4), .random([5, 7], seed: 5), .random([5], seed: 6),
      ], on: instructionSet)
    expectSameGradientsRecorded(
      of: { $0[0].rowMaximum(weights: Tensor(shape: [4], scalars: [0, 1, 1, 0])) },
      at: [.random([4, 9], seed: 1)], on: instructionSet)
    expectSameGradientsRecorded(
      of: { $0[0].rows(at: [4, 1]) }, at: [.random([6, 9], seed: 1)], on: instructionSet)
  }
  /// A mixture of memories: rows of routed tokens, some segments of which may be empty.
  @Test(arguments: InstructionSet.available, RecurrenceRule.allCases)
  func ofLinearRecurrences(_ instructionSet: InstructionSet, _ rule: RecurrenceRule) {
    let (tokens, memories, width, heads) = (11, 5, 6, 2)
    let sets = memories + 1
    expectSameGradientsRecorded(
      of: { v in
        let routing = Routing(logits: v[0].linear(weight: v[1]), routed: 2)
        let grouping = Grouping(routing.choices, isShared: true)
        let segments = grouping.segments
        let rows = v[0].dispatched(by: grouping)
        let (keys, history) = rows.groupedLinear(weight: v[2], bias: v[3], of: segments)
          .shortConv(taps: v[4], history: v[5], of: segments)
        let queries = keys.features(.elu, width: width / heads, isNormalized: true, scale: 0.5)
        let gates = rows.linear(weight: v[6])
        let decay =
          rule == .gatedLinear
          ? rows.logSigmoid().scaled(by: 0.1) : gates.headDecay(logRate: v[7], bias: v[8])
        let (output, state) = queries.linearRecurrence(
          keys: queries, values: rows, beta: rule.hasBeta ? gates.sigmoid() : nil,
          decay: rule == .linear || rule == .delta ? nil : decay, heads: heads, after: v[9],
          of: segments)
        // Every input is used by every rule.
        let rest = Variable.concatenatingRows(
          [
            history, state, routing.balance().loss, gates.headDecay(logRate: v[7], bias: v[8]),
          ].map { $0.reshaped([$0.value.count, 1]) })
        return Variable.concatenatingRows([
          output.gated(bySiLUOf: rows).combined(by: grouping, weights: routing.weights)
            .reshaped([tokens * width, 1]),
          rest,
        ])
      },
      at: [
        .random([tokens, width], seed: 1), .random([memories, width], seed: 2),
        .random([sets, width, width], seed: 3), .random([sets, width], seed: 4),
        .random([width, 4], seed: 5), .random([sets, 3, width], seed: 6),
        .random([heads, width], seed: 7), .random([heads], seed: 8), .random([heads], seed: 9),
        .random([sets, heads, width / heads, width / heads], seed: 10),
      ], on: instructionSet)
  }
}
