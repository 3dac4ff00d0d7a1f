import Foundation
import Synchronization

/// Deferred SIGINT, SIGTERM and SIGHUP: handlers record the signal, and loops poll it.
enum Interruption {
  fileprivate static let received = Atomic<Int32>(0)

  /// The recorded signal; nil without one.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Answer of the handlers, on standard error.
  private static let answer: StaticString = "\nstopping; once more to end at once without saving\n"

  /// Installs the handlers; a signal that is ignored, as SIGHUP by nohup, stays so.
  static func observe() {
    // Initialized here, so that a handler never initializes it.
    received.store(0, ordering: .relaxed)
    // Unblocked, because a parent process may have blocked them for its children.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&wanted, number) }
    pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
      Foundation.signal(number) { number in
        // A second signal of the same kind has its default effect.
        Interruption.received.store(number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
        _ = Foundation.write(
          STDERR_FILENO, Interruption.answer.utf8Start, Interruption.answer.utf8CodeUnitCount)
      }
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return action.__sigaction_handler.sa_handler.map { unsafeBitCast($0, to: Int.self) } == 1
  }
}
