import LMNKernels
import LMNLayers
import Testing

@Suite struct StateDictionaryTests {
  @Test func findsTensorsByName() {
    let (a, b) = (Tensor(shape: [2], repeating: 1), Tensor(shape: [1], repeating: 2))
    let dictionary = StateDictionary([("a", a), ("b", b)])
    #expect(dictionary.names == ["a", "b"])
    #expect(dictionary["a"] == a)
    #expect(dictionary["b"] == b)
    #expect(dictionary["c"] == nil)
  }

  @Test func trapsOnANameThatComesTwice() async {
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor(shape: [1], repeating: 0)
      _ = StateDictionary([("a", tensor), ("a", tensor)])
    }
  }

  @Test(arguments: [
    (StateDictionaryError(missing: ["a", "b"]), "tensors are missing: a, b"),
    (
      StateDictionaryError(unexpected: ["c"]),
      "there are tensors that the model has no parameter for: c"
    ),
    (
      StateDictionaryError(
        missing: ["d"], unexpected: ["c", "e"],
        misshapen: [
          .init(name: "a", expected: [2, 3], found: [3, 2]),
          .init(name: "b", expected: [], found: [1]),
        ]),
      "tensors are missing: d; there are tensors that the model has no parameter for: c, e; "
        + "tensor 'a' has shape [3, 2], the model expects [2, 3]; "
        + "tensor 'b' has shape [1], the model expects []"
    ),
  ])
  func errorsAreSentences(_ error: StateDictionaryError, _ sentence: String) {
    #expect(error.description == sentence)
  }
}
