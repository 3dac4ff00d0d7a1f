public import LMNAutodiff
internal import LMNMemories

/// Loss that training minimizes, shape `[1]`: that of the task, plus the balance loss of the routers
/// times ``Configuration/balanceScale``.
public struct TrainingLoss: Sendable {
  /// Loss of the task.
  public let task: Variable
  /// Balance loss, the mean over the blocks with a router; nil without.
  public let balance: Variable?
  /// Their sum.
  public let total: Variable

  /// The loss of a task in a pass.
  init(_ task: Variable, in pass: Pass, of configuration: Configuration) {
    self.task = task
    balance = pass.balance
    total = balance.map { task + $0.scaled(by: configuration.balanceScale) } ?? task
  }
}
