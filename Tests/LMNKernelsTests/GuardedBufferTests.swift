import LMNTestSupport
import Testing

@Suite struct GuardedBufferTests {
  @Test func holdsItsElements() {
    let buffer = GuardedBuffer<Float>([1, 2, 3])
    #expect(buffer.elements == [1, 2, 3])
    #expect(buffer.hasIntactMargins && buffer.isUnchanged)
    buffer.base[2] = 4
    #expect(buffer.hasIntactMargins && !buffer.isUnchanged)
  }

  @Test(arguments: [-79, -1, 3, 81])
  func seesWritesBesideItsElements(_ index: Int) {
    let buffer = GuardedBuffer<Float>([1, 2, 3])
    #expect(buffer.base[index].isNaN)
    buffer.base[index] = .nan
    #expect(!buffer.hasIntactMargins && buffer.isUnchanged)
  }

  @Test func overwrittenInputsAndUnwrittenOutputsAreFound() {
    withKnownIssue {
      _ = GuardedArguments.results { UnsafeMutablePointer(mutating: $0.input([1.0]))[0] = 2 }
    }
    withKnownIssue { _ = GuardedArguments.results { $0.output(1)[1] = 2 } }
    withKnownIssue {
      expectClose(GuardedArguments.results { _ = $0.output(1) }[0], [0], within: [1], "output")
    }
  }
}
