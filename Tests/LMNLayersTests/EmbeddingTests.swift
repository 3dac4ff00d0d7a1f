import LMNAutodiff
import LMNKernels
import LMNLayers
import LMNTestSupport
import Testing

@Suite struct EmbeddingTests {
  @Test(arguments: InstructionSet.available)
  func looksUpRows(_ instructionSet: InstructionSet) {
    var source = ParameterSource(seed: 1)
    let embedding = Embedding(vocabularySize: 7, width: 5, using: &source)
    let tokens: [Token] = [6, 0, 3, 3]
    let expected = Tensor.concatenatingRows(
      tokens.map { embedding.table.value.rows(Int($0)..<Int($0) + 1) })
    let found = computing(on: instructionSet) { embedding(TokenBuffer(tokens)).value }
    #expect(found == expected)
  }

  @Test func listsItsTableAsWeight() {
    var source = ParameterSource(seed: 1)
    let dictionary = Embedding(vocabularySize: 7, width: 5, using: &source).stateDictionary
    #expect(dictionary.names == ["weight"])
    #expect(dictionary.tensors.map(\.shape) == [[7, 5]])
  }
}
