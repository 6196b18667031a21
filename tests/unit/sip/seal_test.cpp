#include "sip/seal.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "unit/sip/seal_key.h"

namespace siplb::sip {
namespace {

TEST(SealTest, KeepsTheInstance) {
  EXPECT_EQ(Seal(kKey, 0xdeadbeef, 60).instance(), 0xdeadbeef);
}

TEST(SealTest, FingerprintNamesTheKeyAndNothingElse) {
  EXPECT_EQ(Seal(kKey, 1, 60).fingerprint(), "811ab3e2");
  EXPECT_TRUE(Seal(kKey, 1, 60).fingerprint() == Seal(kKey, 2, 30).fingerprint());
  HashKey other = kKey;
  other.octets[0] ^= 1;
  EXPECT_FALSE(Seal(kKey, 1, 60).fingerprint() == Seal(other, 1, 60).fingerprint());
}

TEST(SealTest, FaultsHaveNamesForMetrics) {
  std::set<std::string_view> names;
  for (size_t fault = 0; fault < static_cast<size_t>(SealFault::kCount); ++fault) {
    names.insert(seal_fault_name(static_cast<SealFault>(fault)));
  }
  EXPECT_EQ(names,
            (std::set<std::string_view>{"none", "not_ours", "malformed", "bad_mac", "expired"}));
}

// Both are in messages under way: a change would lose every call across an upgrade.
TEST(SealTest, HashesOfNamesStayWhatTheyAre) {
  EXPECT_EQ(listener_hash("public-udp"), 60459u);
  EXPECT_EQ(server_id("media", "m1"), 837164299u);
}

TEST(SealTest, HashesOfNamesTellThemApart) {
  EXPECT_NE(listener_hash("public-udp"), listener_hash("public-tcp"));
  EXPECT_NE(server_id("media", "m1"), server_id("media", "m2"));
  EXPECT_NE(server_id("media", "m1"), server_id("edge", "m1"));
  EXPECT_NE(server_id("ab", "c"), server_id("a", "bc"));
}

}  // namespace
}  // namespace siplb::sip
