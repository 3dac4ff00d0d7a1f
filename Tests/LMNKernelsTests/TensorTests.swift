import LMNKernels
import Testing

@Suite struct TensorTests {
  @Test func keepsItsScalars() {
    let tensor = Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6])
    #expect(tensor.count == 6)
    #expect(tensor.scalars == [1, 2, 3, 4, 5, 6])
    #expect(Tensor(shape: [], scalars: [7]).scalar == 7)
    #expect(Tensor(shape: [0, 3], scalars: []).scalars == [])
    #expect(Tensor(shape: [2], repeating: 3).scalars == [3, 3])
  }

  @Test func viewsShareStorage() {
    let tensor = Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6])
    #expect(tensor.rows(1..<3) == Tensor(shape: [2, 2], scalars: [3, 4, 5, 6]))
    #expect(tensor.rows(1..<3).rows(1..<2).reshaped([2]) == Tensor(shape: [2], scalars: [5, 6]))
    #expect(tensor.rows(3..<3).count == 0)
    #expect(tensor.rows(1..<3).base == tensor.base + 2)
    #expect(tensor.reshaped([2, 3]).base == tensor.base)
  }

  @Test func changesToOneCopyLeaveTheOthers() {
    let original = Tensor(shape: [2, 2], scalars: [1, 2, 3, 4])
    var copy = original
    var view = original.rows(1..<2)
    copy.withMutableScalars { $0[0] = 10 }
    view.withMutableScalars { $0[0] = 30 }
    #expect(original.scalars == [1, 2, 3, 4])
    #expect(copy.scalars == [10, 2, 3, 4])
    #expect(view.scalars == [30, 4])
  }

  /// The rows alone own their storage.
  @Test func changesToRowsAreInTheirPlace() {
    var rows = Tensor(shape: [3, 2], scalars: [1, 2, 3, 4, 5, 6]).rows(1..<3)
    rows.withMutableScalars { $0[0] = 30 }
    #expect(rows.scalars == [30, 4, 5, 6])
  }

  @Test func onlyOwnerChangesInPlace() {
    var tensor = Tensor(shape: [2], scalars: [1, 2])
    let base = tensor.base
    tensor.withMutableScalars { $0[0] = 10 }
    #expect(tensor.base == base)
    #expect(tensor.scalars == [10, 2])
  }

  @Test func transposedIsMadeOncePerValue() {
    var weight = Tensor(shape: [1, 2], scalars: [1, 2])
    #expect(weight.transposed.base == weight.transposed.base)
    weight.withMutableScalars { $0[0] = 10 }
    #expect(weight.transposed == Tensor(shape: [2, 1], scalars: [10, 2]))
    // Other shapes and parts of the same storage are other values.
    #expect(weight.reshaped([2, 1]).transposed.scalars == [10, 2])
    #expect(weight.reshaped([2, 1]).transposed.shape == [1, 2])
    let matrices = Tensor(shape: [2, 1, 2], scalars: [1, 2, 3, 4])
    #expect(matrices.transposed.scalars == [1, 2, 3, 4])
    #expect(matrices.rows(0..<1).transposed == Tensor(shape: [1, 2, 1], scalars: [1, 2]))
    #expect(matrices.rows(1..<2).transposed == Tensor(shape: [1, 2, 1], scalars: [3, 4]))
  }

  @Test func concatenatesRows() {
    let first = Tensor(shape: [1, 2], scalars: [1, 2])
    let second = Tensor(shape: [3, 2], scalars: [3, 4, 5, 6, 7, 8]).rows(1..<3)
    #expect(
      Tensor.concatenatingRows([first, second])
        == Tensor(shape: [3, 2], scalars: [1, 2, 5, 6, 7, 8]))
  }

  @Test func equalityIsOfShapeAndValues() {
    let tensor = Tensor(shape: [2], scalars: [1, 2])
    #expect(tensor == Tensor(shape: [2], scalars: [1, 2]))
    #expect(tensor != tensor.reshaped([1, 2]))
    #expect(tensor != Tensor(shape: [2], scalars: [1, 3]))
    let broken = Tensor(shape: [1], scalars: [.nan])
    #expect(broken != broken)
  }

  @Test func trapsOnShapesThatDoNotFit() async {
    await #expect(processExitsWith: .failure) { _ = Tensor(shape: [2, 2], scalars: [1, 2, 3]) }
    await #expect(processExitsWith: .failure) { _ = Tensor(shape: [-1], repeating: 0) }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 2], repeating: 0).reshaped([3])
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor(shape: [2, 2], repeating: 0).rows(1..<3)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor(shape: [2], repeating: 0).scalar }
  }
}
