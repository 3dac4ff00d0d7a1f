import LMNAutodiff
import LMNKernels
import LMNTestSupport
import Testing

@Suite struct DropoutTests {
  @Test(arguments: [0, 0.3, 0.8] as [Float])
  func gradients(rate: Float) {
    let draw = DropoutDraw(seed: 1, number: 2)
    expectGradients(
      of: { $0[0].dropout(rate: rate, draw: draw, site: 4) }, at: [.random([4, 33], seed: 1)])
  }
}
