import LMNAutodiff
import LMNKernels
import Testing

@Suite struct BranchTests {
  /// Gradients of two uses cancel; beside them that of a third is kept only if it is added last.
  @Test func usesOfABranchAreSummedFirst() {
    func gradient(thirdIsDeeper: Bool, branches: Bool) -> Float {
      let x = Variable(parameter: Tensor(shape: [1], scalars: [1]))
      let uses = branches ? x.branch() : x
      let large = uses.scaled(by: 0x1p40)
      let opposite = uses.scaled(by: -0x1p40).scaled(by: 1).scaled(by: 1)
      var third = x.scaled(by: 1)
      if thirdIsDeeper { third = third.scaled(by: 1) }
      let sum = thirdIsDeeper ? large + (opposite + third) : (large + opposite) + third
      return sum.gradients(cotangent: Tensor(shape: [1], scalars: [1]))[x]!.scalar
    }
    #expect(gradient(thirdIsDeeper: false, branches: true) == 1)
    #expect(gradient(thirdIsDeeper: true, branches: true) == 1)
    #expect(gradient(thirdIsDeeper: true, branches: false) == 0)
  }

  @Test func aBranchOfAConstantIsAConstant() {
    let x = Variable(parameter: Tensor(shape: [2], scalars: [3, 4]))
    let branch = Variable(constant: x.value).branch()
    #expect(branch.value == x.value)
    #expect(branch.gradients(cotangent: x.value)[x] == nil)
  }
}
