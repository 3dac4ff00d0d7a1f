package import LMNAutodiff
import LMNKernels
package import LMNLayers
package import LMNMemories

/// Complete example of a user-defined memory: exponential moving average of a linear map of the
/// tokens, `s ← decay · s + (1 − decay) · (x · Wᵀ + b)`.
package struct MovingAverage: Memory {
  package struct Settings: MemorySettings {
    package static let kind = "movingAverage"
    package static var fields: [SettingsField<Settings>] { [.optional("decay", \.decay)] }
    package var decay: Float = 0.5
    package init() {}
    package func makeMemory(width: Int, using source: inout ParameterSource) -> any Memory {
      MovingAverage(decay: decay, map: Linear(inputs: width, outputs: width, using: &source))
    }
  }

  let decay: Float
  var map: Linear
  private var width: Int { map.bias.value.shape[0] }

  package var initialState: MemoryState {
    MemoryState([.init("average", Variable(constant: Tensor(shape: [1, width], repeating: 0)))])
  }

  package func callAsFunction(
    _ x: Variable, after state: inout MemoryState, _ pass: inout Pass
  ) -> Variable {
    let length = x.value.shape[0]
    var weights: [Float] = []
    for t in 0..<length {
      weights += (0...length).map { column in
        let share: Float = column > t + 1 ? 0 : column > 0 ? 1 - decay : 1
        return (0..<max(t + 1 - column, 0)).reduce(share) { power, _ in power * decay }
      }
    }
    let average = Variable(constant: Tensor(shape: [length, 1 + length], scalars: weights))
      .matmul(.concatenatingRows([state["average"], map(x)]))
    state["average"] = average.rows(at: [length - 1])
    return average
  }

  package func layout(start: Int, length: Int) -> [Int] { [length] }

  package func makeStreams(_ count: Int) -> any MemoryStreams {
    let (map, old, new) = (map, diagonal(decay), diagonal(1 - decay))
    return RowStreams(count, from: initialState) { x, rows, _ in
      let average = rows[0].matmul(old).adding(map(Variable(constant: x)).value.matmul(new))
      return (average, [average])
    }
  }

  private func diagonal(_ value: Float) -> Tensor {
    let scalars = (0..<width * width).map { $0 % (width + 1) == 0 ? value : 0 }
    return Tensor(shape: [width, width], scalars: scalars)
  }

  package mutating func visitParameters(_ visit: ParameterVisitor) { visit("map", &map) }
}
