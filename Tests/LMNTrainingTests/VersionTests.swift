import CLMN
import LMN
import Testing

@Suite struct VersionTests {
  @Test func headerAndPackageHaveOneVersion() {
    #expect(lmnVersion == "\(LMN_VERSION_MAJOR).\(LMN_VERSION_MINOR).\(LMN_VERSION_PATCH)")
  }
}
