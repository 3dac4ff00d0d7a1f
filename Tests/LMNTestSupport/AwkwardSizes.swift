/// Sizes around those of vectors, register tiles and units of work, which are powers of two and
/// multiples of six.
public let awkwardSizes = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65,
  127, 128, 129,
]
