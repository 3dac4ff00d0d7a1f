/// Settings that contain those of a linear-attention memory.
public protocol LinearSettings: MemorySettings {
  /// Settings of the linear-attention memory, or of each in a mixture.
  var linear: LinearMemory.Settings { get set }
}

extension LinearMemory.Settings: LinearSettings {
  /// The settings themselves.
  public var linear: LinearMemory.Settings {
    get { self }
    set { self = newValue }
  }
}

extension MixtureOfMemories.Settings: LinearSettings {}

/// Settings of a memory with heads.
public protocol HeadedSettings: MemorySettings {
  /// H: number of heads.
  var heads: Int { get set }
}

extension LogarithmicMemory.Settings: HeadedSettings {}

extension LinearMemory.Settings: HeadedSettings {}

extension MixtureOfMemories.Settings: HeadedSettings {
  /// H: number of heads of each memory.
  public var heads: Int {
    get { linear.heads }
    set { linear.heads = newValue }
  }
}
