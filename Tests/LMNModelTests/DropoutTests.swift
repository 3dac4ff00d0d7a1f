import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

/// Dropout is applied where a draw is given, that is in training.
@Suite struct DropoutTests {
  private static let half = NetworkOption("half") { $0.dropout = 0.5 }
  private let network: LanguageNetwork
  private let input = tokens(40, seed: 1)
  private let targets = tokens(40, seed: 2)

  init() throws { network = try .small(option: Self.half) }

  private func loss(dropping draw: DropoutDraw?, at network: LanguageNetwork) -> Variable {
    network.loss(of: TokenBuffer(input), targets: TokenBuffer(targets), dropping: draw)
  }

  @Test func nothingIsDroppedWithoutADraw() throws {
    let usual = try LanguageNetwork.small()
    #expect(network.stateDictionary == usual.stateDictionary)
    #expect(network(input).value == usual(input).value)
    #expect(
      loss(dropping: DropoutDraw(seed: 1), at: usual).value
        == usual.loss(of: input, targets: targets).value)
  }

  @Test func drawsDecide() {
    let losses = [
      loss(dropping: nil, at: network), loss(dropping: DropoutDraw(seed: 1), at: network),
      loss(dropping: DropoutDraw(seed: 2), at: network),
      loss(dropping: DropoutDraw(seed: 1, number: 1), at: network),
    ].map(\.value.scalar)
    #expect(Set(losses).count == 4)
    #expect(loss(dropping: DropoutDraw(seed: 2), at: network).value.scalar == losses[2])
  }

  /// The embedded input, and the outputs of memory and feed-forward layer in each block, have
  /// independent masks.
  ///
  /// With 1 at one of these places and 0 at the others, the output of the last norm shows the mask.
  @Test func everyPlaceHasAMaskOfItsOwn() throws {
    func vectors(_ count: Int, _ value: Float) -> Variable {
      Variable(constant: Tensor(shape: [count, 8], repeating: value))
    }
    let one = Variable(constant: Tensor(shape: [8], repeating: 1))
    var blank = network.trunk
    blank.forEachParameter { $1 = Variable(constant: Tensor(shape: $1.value.shape, repeating: 0)) }
    blank.finalNorm.gain = one
    func mask(of place: (inout Trunk) -> Void, input: Float = 0, draw: DropoutDraw?) -> [Bool] {
      var trunk = blank
      place(&trunk)
      var state = trunk.initialState
      var pass = trunk.pass(after: 0, length: 40, dropping: draw)
      return trunk(vectors(40, input), after: &state, &pass).value.scalars.map { $0 > 0 }
    }
    let draw = DropoutDraw(seed: 3)
    var masks = [mask(of: { _ in }, input: 1, draw: draw)]
    for block in 0..<2 {
      masks.append(
        mask(
          of: { trunk in
            trunk.blocks[block].memory.forEachParameter { name, parameter in
              if name == "out_proj.bias" { parameter = one }
            }
          }, draw: draw))
      masks.append(mask(of: { $0.blocks[block].feedForward.outer.bias = one }, draw: draw))
    }
    for mask in masks { #expect((100..<220).contains(mask.count { $0 })) }
    #expect(Set(masks).count == 5)
    // Without dropout each feature equals its row's mean.
    #expect(!mask(of: { _ in }, input: 1, draw: nil).contains(true))
  }

  /// Recorded gradients equal called ones, bit for bit, for a draw that changes between runs, on
  /// any number of threads; values without gradient have no dropout.
  @Test(arguments: InstructionSet.available)
  func recordedGradientsAreTheCalledOnes(_ instructionSet: InstructionSet) throws {
    for threads in 1...3 {
      let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
      let batch = RecordedBatch(ofLossAt: network, windows: 3, length: 40, in: context)
      let value = RecordedBatch(.value, ofLossAt: network, windows: 3, length: 40, in: context)
      for step in 1...2 as ClosedRange<UInt64> {
        for (item, window) in (batch.inputs + value.inputs).enumerated() {
          window.overwrite(inputs: input[...], targets: targets[...])
          window.draw.overwrite(seed: 4, number: step << 32 | UInt64(item % 3))
        }
        let expected = computing(on: instructionSet) {
          valueWithGradient(at: network, overBatchOf: 3) { network, item in
            loss(dropping: DropoutDraw(seed: 4, number: step << 32 | UInt64(item)), at: network)
          }
        }
        #expect(Float(batch.run()) == expected.value)
        #expect(batch.gradient == expected.gradient)
        let whole = computing(on: instructionSet) { loss(dropping: nil, at: network).value.scalar }
        #expect(value.run() == (0..<3).reduce(0) { sum, _ in sum + Double(whole) } / 3)
      }
    }
  }

  @Test func gradientsAreSlopes() throws {
    let draw = DropoutDraw(seed: 5, number: 6)
    let (input, targets) = (TokenBuffer(input.prefix(13)), TokenBuffer(targets.prefix(13)))
    expectGradients(
      of: { parameters in
        var (network, rest) = (network, parameters[...])
        network.forEachParameter { $1 = rest.removeFirst() }
        return network(input, dropping: draw).crossEntropy(targets: targets)
      }, at: network.stateDictionary.tensors)
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func laterRunsAllocateNothing() {
    let batch = RecordedBatch(ofLossAt: network, windows: 3, length: 20)
    var sum = batch.run()
    let before = lmn_allocation_count()
    for run in 0..<10 {
      for index in 0..<3 { batch.inputs[index].draw.overwrite(seed: 1, number: UInt64(run)) }
      sum += batch.run()
    }
    #expect(lmn_allocation_count() == before)
    #expect(sum.isFinite)
  }
}
