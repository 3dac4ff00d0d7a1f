extension String {
  /// Path of the file that an argument names; `-` is standard input.
  var inputPath: String { self == "-" ? "/dev/stdin" : self }
}
