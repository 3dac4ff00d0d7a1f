#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The most memory, in bytes, that this process has held at once.
public func peakMemoryBytes() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #else
    // Linux counts into ru_maxrss what the program held that started this one.
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
