public import LMNAutodiff
package import LMNMemories

/// Loss that training minimizes, shape `[1]`: that of the task, plus the balance loss of the routers
/// times ``Configuration/balanceScale``.
public struct TrainingLoss: Sendable {
  /// Loss of the task.
  public let task: Variable
  /// Balance of the router of every block that has one.
  public let routers: [RouterBalance]
  /// Balance loss, the mean over the routers; nil without.
  public let balance: Variable?
  /// Loss of the task and scaled balance loss.
  public let total: Variable

  /// The loss of a task in a pass over `blocks` blocks, whose balance losses are averaged.
  package init(
    _ task: Variable, in pass: Pass, blocks: Int = 1, of configuration: Configuration
  ) {
    self.task = task
    let routers = pass.routings.map { $0.balance(ofBlocks: blocks) }
    self.routers = routers
    balance = routers.first.map { first in
      routers.dropFirst().reduce(first.loss) { $0 + $1.loss }
        .scaled(by: 1 / Float(routers.count))
    }
    total = balance.map { task + $0.scaled(by: configuration.balanceScale) } ?? task
  }
}
