#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Peak resident memory of this process, in bytes.
public func peakMemoryBytes() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #else
    // On Linux ru_maxrss includes the memory of the process before exec.
    if let status = try? AtomicFile.contents(of: "/proc/self/status"),
      let line = status.split(separator: UInt8(ascii: "\n")).first(where: {
        $0.starts(with: "VmHWM:".utf8)
      }),
      let kilobytes = Int(String(decoding: line, as: UTF8.self).filter(\.isNumber))
    {
      return kilobytes * 1024
    }
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  #endif
}
