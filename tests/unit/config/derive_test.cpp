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

TEST(AdminSocketsTest, TakeWhatIsConfigured) {
  const AdminOptions both{.socket = "/a/admin", .read_socket = "/a/read"};
  EXPECT_EQ(admin_sockets(both, "/run/siplb"), both);
  const AdminOptions one{.socket = "/a/admin"};
  EXPECT_EQ(admin_sockets(one, "/run/siplb"),
            (AdminOptions{.socket = "/a/admin", .read_socket = "/run/siplb/read.sock"}));
}

TEST(AdminSocketsTest, ElseStandInTheFirstRuntimeFolder) {
  const AdminOptions standard{.socket = "/run/siplb/admin.sock",
                              .read_socket = "/run/siplb/read.sock"};
  EXPECT_EQ(admin_sockets({}, "/run/siplb"), standard);
  EXPECT_EQ(admin_sockets({}, "/run/siplb:/run/other"), standard);
}

TEST(AdminSocketsTest, ElseAreOff) {
  EXPECT_EQ(admin_sockets({}, ""), AdminOptions());
  const AdminOptions one{.read_socket = "/a/read"};
  EXPECT_EQ(admin_sockets(one, ""), one);
}

}  // namespace
}  // namespace siplb::config
