import LMNAutodiff
import LMNKernels
import LMNMemories
import LMNModel

/// Test of a network on examples of paired recall of one size.
struct PairedRecallScores: Equatable {
  /// Fraction of right answers.
  let accuracy: Double
  /// Use of the router of each block that has one.
  let routers: [RouterUse]

  /// Tests a network, in parallel form.
  ///
  /// - Precondition: There is an example.
  init(of network: PairedRecallNetwork, on examples: [PairedRecall.Example]) {
    let tests = ExecutionContext.current.map(examples.count) { index in
      let example = examples[index]
      let tokens = PairedRecallNetwork.Tokens(keys: example.keys, values: example.values)
      var state = network.initialState
      var pass = network.trunk.pass(after: 0, length: tokens.length)
      let right = network(tokens, after: &state, &pass).value.rightAnswers(to: example.targets)
      return (right: right, routers: pass.routings.map { RouterUse(of: $0.choices, in: example) })
    }
    let asked = examples.reduce(0) { $0 + $1.keys.count / 2 }
    accuracy = Double(tests.reduce(0) { $0 + $1.right }) / Double(asked)
    routers = tests[0].routers.indices.map { router in
      RouterUse(meanOf: tests.map { $0.routers[router] })
    }
  }
}
