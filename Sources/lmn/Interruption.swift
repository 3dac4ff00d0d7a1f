import Foundation
import Synchronization

/// Deferred SIGINT and SIGTERM: handlers record the signal, and loops poll it.
enum Interruption {
  fileprivate static let received = Atomic<Int32>(0)

  /// The recorded signal; nil without one.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Installs the handlers.
  static func observe() {
    // Initialized here, so that a handler never initializes it.
    received.store(0, ordering: .relaxed)
    // Unblocked, because a parent process may have blocked them for its children.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGINT, SIGTERM] { sigaddset(&wanted, number) }
    pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
    for number in [SIGINT, SIGTERM] {
      Foundation.signal(number) { number in
        // A second signal of the same kind has its default effect.
        Interruption.received.store(number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
      }
    }
  }
}
