import Foundation
import Testing

@testable import LMNCharts

@Suite struct PaletteTests {
  /// A colour as linear red, green and blue.
  private struct Colour {
    let linear: [Double]

    init(_ hex: String) {
      let number = Int(hex.dropFirst(), radix: 16) ?? 0
      linear = [16, 8, 0].map { shift in
        let value = Double(number >> shift & 255) / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
      }
    }

    private init(linear: [Double]) { self.linear = linear }

    /// The colour as a reader sees it whose vision maps linear colours so.
    func seen(by vision: [[Double]]) -> Colour {
      Colour(
        linear: vision.map { row in
          min(max(row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2], 0), 1)
        })
    }

    var luminance: Double { 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] }

    /// Contrast of WCAG 2.
    func contrast(to other: Colour) -> Double {
      let (low, high) = (min(luminance, other.luminance), max(luminance, other.luminance))
      return (high + 0.05) / (low + 0.05)
    }

    /// CIE L*a*b*, D65.
    private var lab: [Double] {
      let x = 0.4124 * linear[0] + 0.3576 * linear[1] + 0.1805 * linear[2]
      let z = 0.0193 * linear[0] + 0.1192 * linear[1] + 0.9505 * linear[2]
      let f = [x / 0.9505, luminance, z / 1.089].map { t in
        t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116
      }
      return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
    }

    func distance(to other: Colour) -> Double {
      zip(lab, other.lab).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
  }

  /// Full colour vision, then protanopia, deuteranopia and tritanopia by Machado, Oliveira and
  /// Fernandes (IEEE Transactions on Visualization and Computer Graphics 15, 2009), severity 1.
  static let visions = [
    [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]],
    [
      [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
      [-0.003882, -0.048116, 1.051998],
    ],
    [
      [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
      [-0.011820, 0.042940, 0.968881],
    ],
    [
      [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
      [0.004733, 0.691367, 0.303900],
    ],
  ]

  /// The smallest distance within the eight colours of Okabe and Ito is 16.
  @Test(arguments: visions, [false, true])
  func coloursCanBeToldApart(_ vision: [[Double]], isDark: Bool) {
    let colours = Palette.colours.map { Colour(isDark ? $0.dark : $0.light).seen(by: vision) }
    for (index, colour) in colours.enumerated() {
      for other in colours[..<index] { #expect(colour.distance(to: other) > 15, "\(index)") }
    }
  }

  @Test(arguments: [false, true]) func coloursStandOutFromTheBackground(isDark: Bool) {
    let surface = Colour(isDark ? Palette.surface.dark : Palette.surface.light)
    for pair in Palette.colours {
      #expect(Colour(isDark ? pair.dark : pair.light).contrast(to: surface) > 2.2)
    }
  }
}
