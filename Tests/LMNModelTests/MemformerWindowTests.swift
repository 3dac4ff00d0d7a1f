import CAllocationCount
import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@testable import LMNModel

private typealias Batch = RecordedBatch<Memformer, MemformerWindow>

/// Recorded training of a Memformer.
@Suite struct MemformerWindowTests {
  /// Segments of 4 tokens.
  private let model: Memformer

  init() throws {
    var configuration = MemformerConfiguration(vocabularySize: 11)
    (configuration.width, configuration.heads, configuration.feedForward) = (12, 3, 2)
    (configuration.slots, configuration.segment) = (3, 4)
    (configuration.encoderLayers, configuration.decoderLayers) = (1, 2)
    var source = ParameterSource(seed: 3)
    model = try Memformer(configuration, using: &source)
  }

  private func batch(
    streams: Int, length: Int, horizon: Int, replay: Bool = false
  ) -> Batch {
    Batch(
      ofLossAt: model, windows: streams, length: length,
      carrying: Carry(horizon: horizon, replay: replay))
  }

  /// Tokens of a stream.
  private func text(of stream: Int) -> [Token] { tokens(200, seed: UInt64(stream) + 1) }

  /// Fills a batch with the tokens of a run, the next of each stream.
  private func fill(_ batch: Batch, run: Int) {
    for (stream, window) in batch.inputs.enumerated() {
      let first = run * window.length
      window.overwrite(
        tokens: text(of: stream)[first..<first + window.length],
        before: run == 0 ? [] : text(of: stream)[first - 4..<first])
    }
  }

  /// Loss and gradient of tokens from the beginning of a text, for a text whose last segment is full
  /// or short, or that is shorter than one.
  @Test(arguments: [12, 10, 3])
  func lossIsThatOfTheSegments(length: Int) throws {
    computing(on: .reference) {
      let batch = Batch(ofLossAt: model, windows: 2, length: length)
      for (stream, window) in batch.inputs.enumerated() {
        window.overwrite(tokens: text(of: stream)[..<length])
      }
      let (loss, gradient) = valueWithGradient(at: model, overBatchOf: 2) { model, stream in
        let segments = stride(from: 0, to: length, by: 4).map { first in
          Array(text(of: stream)[first..<min(first + 4, length)])
        }
        return model.loss(of: segments)
      }
      #expect(abs(batch.run() - Double(loss)) <= 1e-6)
      #expect(difference(batch.gradients, gradient.tensors) <= 1e-5)
    }
  }

  /// Losses of runs over a stream are those of its parts, with the state from part to part.
  @Test func runsGoOnAfterThoseBefore() throws {
    computing(on: .reference) {
      let batch = batch(streams: 2, length: 8, horizon: 1)
      var states = [model.initialState, model.initialState]
      for run in 0..<4 {
        fill(batch, run: run)
        let losses = states.indices.map { stream in
          let part = Array(text(of: stream)[8 * run..<8 * run + 8])
          let logits = model.read(part, after: &states[stream])
          return Double(logits.crossEntropy(targets: TokenBuffer(part)).mean().value.scalar)
        }
        #expect(abs(batch.run() - losses.reduce(0, +) / 2) <= 1e-5)
        #expect(batch.states.map { $0?.position } == [8 * run + 8, 8 * run + 8])
      }
    }
  }

  /// Memory replay computes the gradients of one pass over all blocks; a block has one or more
  /// segments.
  @Test(arguments: [4, 8], [1, 2, 5])
  func replayedGradientsAreThoseOfTheWholePass(length: Int, horizon: Int) throws {
    computing(on: .reference) {
      let whole = batch(streams: 3, length: length, horizon: horizon)
      let replayed = batch(streams: 3, length: length, horizon: horizon, replay: true)
      for run in 0..<2 {
        fill(whole, run: run)
        fill(replayed, run: run)
        let (expected, found) = (whole.run(), replayed.run())
        #expect(abs(found - expected) <= 1e-6 * expected)
        let error = difference(replayed.gradients, whole.gradients)
        #expect(horizon == 1 ? error == 0 : error <= 1e-5, "run \(run): \(error)")
        #expect(replayed.states.map { $0?.position } == whole.states.map { $0?.position })
      }
    }
  }

  /// Blocks whose intermediate values are computed again have the same bits, also in memory replay.
  @Test(arguments: InstructionSet.available, [false, true])
  func recomputationChangesNoBits(_ instructionSet: InstructionSet, replay: Bool) throws {
    var configuration = MemformerConfiguration(vocabularySize: 11)
    configuration.segment = 16
    (configuration.encoderLayers, configuration.decoderLayers) = (2, 3)
    var source = ParameterSource(seed: 3)
    let model = try Memformer(configuration, using: &source)
    computing(on: instructionSet) {
      let batches = [false, true].map {
        Batch(
          ofLossAt: model, windows: 2, length: 32,
          carrying: Carry(horizon: 2, replay: replay), recomputing: $0)
      }
      let (kept, recomputed) = (batches[0], batches[1])
      for run in 0..<2 {
        for batch in batches {
          for (stream, window) in batch.inputs.enumerated() {
            let text = tokens(200, seed: UInt64(stream) + 1)
            window.overwrite(
              tokens: text[64 * run..<64 * run + 64],
              before: run == 0 ? [] : text[48..<64])
          }
        }
        #expect(kept.run() == recomputed.run())
        #expect(kept.gradients == recomputed.gradients)
        #expect(kept.states == recomputed.states)
      }
    }
  }

  /// The memory of a further block of the decoder is that of its inputs.
  @Test func recomputationTakesLessMemory() throws {
    func bytes(layers: Int, recomputing: Bool) throws -> Int {
      var configuration = MemformerConfiguration(vocabularySize: 11)
      configuration.decoderLayers = layers
      var source = ParameterSource(seed: 3)
      let model = try Memformer(configuration, using: &source)
      return Batch(ofLossAt: model, windows: 1, length: 4096, recomputing: recomputing).byteCount
    }
    let kept = try bytes(layers: 4, recomputing: false) - bytes(layers: 2, recomputing: false)
    let recomputed = try bytes(layers: 4, recomputing: true) - bytes(layers: 2, recomputing: true)
    #expect(3 * recomputed < kept, "\(recomputed) instead of \(kept) bytes")
  }

  /// Negative control: gradients that stop at every block differ.
  @Test func cotangentsOfStatesMatter() throws {
    computing(on: .reference) {
      let replayed = batch(streams: 1, length: 4, horizon: 4, replay: true)
      let single = batch(streams: 1, length: 4, horizon: 1)
      fill(replayed, run: 0)
      _ = replayed.run()
      var sum = replayed.gradients.map { Tensor(shape: $0.shape, repeating: 0) }
      for run in 0..<4 {
        fill(single, run: run)
        _ = single.run()
        sum = zip(sum, single.gradients).map { $0.adding($1.scaled(by: 0.25)) }
      }
      #expect(difference(sum, replayed.gradients) > 1e-3)
    }
  }

  @Test(arguments: InstructionSet.available, [1, 5])
  func bitsDoNotDependOnThreads(_ instructionSet: InstructionSet, count: Int) throws {
    func results(threads: Int) -> ([Double], [[Tensor]], [Trunk.State?]) {
      computing(on: instructionSet, threads: threads) {
        let batch = batch(streams: count, length: 8, horizon: 3, replay: true)
        var (values, gradients): ([Double], [[Tensor]]) = ([], [])
        for run in 0..<3 {
          fill(batch, run: run)
          values.append(batch.run())
          gradients.append(batch.gradient.tensors)
        }
        return (values, gradients, batch.states)
      }
    }
    let expected = results(threads: 1)
    for threads in 2...4 { #expect(results(threads: threads) == expected, "\(threads) threads") }
  }

  @Test(.enabled(if: lmn_counts_allocations()))
  func laterRunsAllocateNothing() throws {
    computing(on: nil, threads: 1) {
      for replay in [false, true] {
        let batch = batch(streams: 2, length: 8, horizon: 3, replay: replay)
        for run in 0..<3 {
          fill(batch, run: run)
          _ = batch.run()
        }
        let before = lmn_allocation_count()
        for _ in 0..<5 { batch.perform(0) }
        #expect(lmn_allocation_count() == before)
      }
    }
  }

  /// Bytes of a state are those of its tensors and tokens.
  @Test(arguments: [0, 1, 3, 4, 5, 8, 11])
  func stateBytesAreCounted(position: Int) throws {
    var state = model.initialState
    if position > 0 { _ = model.read(Array(text(of: 0)[..<position]), after: &state) }
    let cached =
      (state.encoded ?? []) + (state.encoded == nil ? [] : state.decoded.compactMap(\.self))
    let floats = ([state.slots] + cached).reduce(0) { $0 + $1.value.count }
    #expect(
      model.stateByteCount(at: position)
        == 4 * (floats + state.source.count + state.tokens.count))
  }
}
