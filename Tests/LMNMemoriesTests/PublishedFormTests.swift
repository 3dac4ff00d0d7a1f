import LMNKernels
import LMNLayers
import LMNMemories
import LMNTestSupport
import Testing

@Suite struct PublishedFormTests {
  @Test(arguments: LogarithmicMemoryCase.all)
  func adoptingUndoesPublishing(_ example: LogarithmicMemoryCase) {
    let memory = example.memory
    let own = memory.stateDictionary.prefixed("blocks.7.")
    let other = Tensor.random([2], seed: 1)
    let dictionary = StateDictionary(
      names: ["before"] + own.names + ["blocks.70.key.bias"],
      tensors: [other] + own.tensors + [other])
    let published = memory.published(dictionary, under: "blocks.7.")
    #expect(published != dictionary)
    #expect(published["before"] == other)
    #expect(published["blocks.70.key.bias"] == other)
    let adopted = memory.adopted(published, under: "blocks.7.")
    #expect(Set(adopted.names) == Set(dictionary.names))
    for name in dictionary.names { #expect(adopted[name] == dictionary[name], "\(name)") }
  }

  /// The published projection has rows of query, key and value, in this order, and adjacent
  /// features of a head; ours are query and value, and key, with interleaved heads.
  @Test(arguments: LogarithmicMemoryCase.all)
  func projectionsAreOneMap(_ example: LogarithmicMemoryCase) throws {
    let (memory, width) = (example.memory, example.width)
    let own = memory.stateDictionary
    let published = memory.published(own, under: "")
    func row(_ tensor: Tensor, _ index: Int) -> [Float] { tensor.rows(index..<index + 1).scalars }
    for part in ["weight", "bias"] {
      let qkv = try #require(published["qkv.\(part)"])
      let queryValue = try #require(own["query_value.\(part)"])
      let key = try #require(own["key.\(part)"])
      #expect(qkv.shape[0] == 3 * width)
      for feature in 0..<width {
        let size = width / example.heads
        let place = feature % size * example.heads + feature / size
        #expect(row(qkv, feature) == row(queryValue, place))
        #expect(row(qkv, width + feature) == row(key, place))
        #expect(row(qkv, 2 * width + feature) == row(queryValue, width + place))
      }
    }
  }

  /// PyTorch's layout: per bank and channel the factors of left and right child.
  @Test func tapsAreADepthwiseConvolution() throws {
    let (banks, width) = (2, 3)
    let memory = LogarithmicMemoryCase(
      summarizer: .depthwiseSeparable, width: width, heads: 1, banks: banks, seed: 1
    ).memory
    let own = memory.stateDictionary
    let taps = try #require(own["summarizer.taps"]).scalars
    let published = memory.published(own, under: "")
    let weight = try #require(published["summarizer.depthwise.weight"])
    let bias = try #require(published["summarizer.depthwise.bias"])
    #expect(weight.shape == [banks, width, 2])
    #expect(bias.shape == [banks, width])
    for bank in 0..<banks {
      for e in 0..<width {
        let tap = { taps[(bank * 3 + $0) * width + e] }
        #expect(weight.scalars[(bank * width + e) * 2] == tap(0))
        #expect(weight.scalars[(bank * width + e) * 2 + 1] == tap(1))
        #expect(bias.scalars[bank * width + e] == tap(2))
      }
    }
  }
}

extension StateDictionary {
  fileprivate func prefixed(_ prefix: String) -> StateDictionary {
    StateDictionary(names: names.map { prefix + $0 }, tensors: tensors)
  }
}
