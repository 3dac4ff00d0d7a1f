import Foundation
import Synchronization

/// SIGINT and SIGTERM, remembered instead of deadly: a loop asks when it suits.
enum Interruption {
  fileprivate static let received = Atomic<Int32>(0)

  /// The signal that arrived, if one did.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Begins to remember.
  static func observe() {
    // Made here, for a handler must not be the first to touch it.
    received.store(0, ordering: .relaxed)
    // A parent may have blocked them, for itself and so for its children.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGINT, SIGTERM] { sigaddset(&wanted, number) }
    pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
    for number in [SIGINT, SIGTERM] {
      Foundation.signal(number) { number in
        // The second one of a kind does what it always does.
        Interruption.received.store(number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
      }
    }
  }
}
