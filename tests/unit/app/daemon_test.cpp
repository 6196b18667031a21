#include "app/daemon.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "config/load.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    std::string name = (std::filesystem::temp_directory_path() / "siplb-daemon-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~DaemonTest() override { std::filesystem::remove_all(folder_); }

  StartResult<std::unique_ptr<Daemon>> start(const std::string& listener_address,
                                             const std::string& key_file = "key") {
    loaded_ = config::load_text("global: {workers: 2, memory: 128MiB, key_file: " + key_file +
                                    "}\n"
                                    "listeners: [{name: edge, address: \"" +
                                    listener_address +
                                    "\", transports: [udp]}]\n"
                                    "groups: [{name: g, servers: [{name: s, uri: "
                                    "\"sip:127.0.0.1:5999\"}]}]\n"
                                    "metrics: {address: \"127.0.0.1:0\"}\n",
                                "test.yaml", folder_);
    for (const config::Fault& fault : loaded_.faults) ADD_FAILURE() << config::to_text(fault);
    return Daemon::start(loaded_.configuration, derive_sizing(loaded_.configuration, 2),
                         {.path = folder_ / "test.yaml", .hash = "hash", .text = {}}, Predecessor(),
                         log_);
  }

  std::filesystem::path folder_;
  std::ostringstream out_;
  observe::EventLog log_{{.level = observe::LogLevel::Info,
                          .format = observe::LogFormat::Text,
                          .sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)}};
  config::LoadResult loaded_;
};

TEST_F(DaemonTest, SaysWhereItListensThenThatItIsReady) {
  auto daemon = start("127.0.0.1:0");
  ASSERT_TRUE(daemon.has_value());
  const std::string log = out_.str();
  EXPECT_THAT(log, HasSubstr("listening listener=edge transport=udp address=127.0.0.1:"));
  EXPECT_THAT(log, HasSubstr("listening listener=metrics transport=http address=127.0.0.1:"));
  EXPECT_THAT(log, HasSubstr("ready workers=2 lanes=8"));
  EXPECT_LT(log.find("listening"), log.find("ready"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "key"));
}

TEST_F(DaemonTest, StartsAgainAfterItsEnd) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(start("127.0.0.1:0").has_value());
}

TEST_F(DaemonTest, NamesTheListenerWhoseAddressIsTaken) {
  net::InheritedSockets none;
  const auto taken = transport::open_listener_sockets(
      {.name = "other", .address = SockAddress::v4(0x7f000001, 0)}, none);
  ASSERT_TRUE(taken.has_value());
  const auto daemon = start(std::string(taken->address.text()));
  ASSERT_FALSE(daemon.has_value());
  EXPECT_EQ(daemon.error().error.code, ErrorCode::AddressInUse);
  EXPECT_THAT(daemon.error().subject, HasSubstr("listener edge"));
  EXPECT_FALSE(is_configuration_fault(daemon.error()));
}

TEST_F(DaemonTest, TreatsAKeyFileThatCannotBeMadeAsAFaultOfTheConfiguration) {
  const auto daemon = start("127.0.0.1:0", "no/such/folder/key");
  ASSERT_FALSE(daemon.has_value());
  EXPECT_TRUE(is_configuration_fault(daemon.error()));
  EXPECT_THAT(daemon.error().subject, HasSubstr("no/such/folder/key"));
}

}  // namespace
}  // namespace siplb::app
