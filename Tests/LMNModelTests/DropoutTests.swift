import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNMemories
import LMNModel
import LMNTestSupport
import Testing

/// Dropout is active where a draw is given, which is where a network learns.
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

  /// The embedded input, and in every block what memory and feed-forward map add: where one of these
  /// is 1 and all others 0, the mask of its place is seen, through the last norm.
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
    // Nothing is dropped: every feature is its row's mean.
    #expect(!mask(of: { _ in }, input: 1, draw: nil).contains(true))
  }

  /// The bits of the called gradient, for a draw that changes from run to run, on any number of
  /// threads; values alone are those without dropout.
  @Test(arguments: InstructionSet.available)
  func recordedGradientsAreTheCalledOnes(_ instructionSet: InstructionSet) throws {
    for threads in 1...3 {
      let context = ExecutionContext(instructionSet: instructionSet, threadCount: threads)
      let batch = RecordedBatch(ofLossAt: network, windows: 3, length: 40, in: context)
      let value = RecordedBatch(.value, ofLossAt: network, windows: 3, length: 40, in: context)
      for step in 1...2 as ClosedRange<UInt64> {
        for (member, window) in (batch.inputs + value.inputs).enumerated() {
          window.overwrite(inputs: input[...], targets: targets[...])
          window.draw.overwrite(seed: 4, number: step << 32 | UInt64(member % 3))
        }
        let expected = computing(on: instructionSet) {
          valueWithGradient(at: network, overBatchOf: 3) { network, member in
            loss(dropping: DropoutDraw(seed: 4, number: step << 32 | UInt64(member)), at: network)
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
