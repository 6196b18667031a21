#include "config/derive.h"

#include <gtest/gtest.h>

namespace siplb::config {
namespace {

TEST(KeyFileTest, TakesWhatIsConfigured) {
  GlobalOptions global;
  global.key_file = "/etc/siplb/key";
  EXPECT_EQ(key_file(global, "/var/lib/other"), "/etc/siplb/key");
}

TEST(KeyFileTest, ElseStandsInTheFirstStateFolder) {
  EXPECT_EQ(key_file({}, "/var/lib/one"), "/var/lib/one/key");
  EXPECT_EQ(key_file({}, "/var/lib/one:/var/lib/two"), "/var/lib/one/key");
}

TEST(KeyFileTest, ElseHasAFixedPlace) {
  EXPECT_EQ(key_file({}, ""), "/var/lib/siplb/key");
}

}  // namespace
}  // namespace siplb::config
