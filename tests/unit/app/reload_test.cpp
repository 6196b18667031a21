// Reloads of a whole siplbd; tests/functional/test_reload.py has them under load.
#include "app/reload.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "app/daemon.h"
#include "config/load.h"
#include "support/loopback.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    std::string name = (std::filesystem::temp_directory_path() / "siplb-reload-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    write(kListeners, kGroups);
    loaded_ = config::load_file(file());
    for (const config::Fault& fault : loaded_.faults) ADD_FAILURE() << config::to_text(fault);
    auto daemon = Daemon::start(loaded_.configuration, derive_sizing(loaded_.configuration, 2),
                                {.path = file(), .hash = loaded_.hash, .text = loaded_.text},
                                Predecessor(), log_);
    EXPECT_TRUE(daemon.has_value());
    if (daemon) daemon_ = std::move(*daemon);
  }
  ~ReloadTest() override {
    daemon_.reset();
    std::filesystem::remove_all(folder_);
  }

  static constexpr std::string_view kListeners =
      "[{name: edge, address: \"127.0.0.1:0\", transports: [udp]}]";
  static constexpr std::string_view kGroups =
      "[{name: g, health: off, servers: [{name: s, uri: \"sip:127.0.0.1:5999\"}]}]";

  [[nodiscard]] std::string file() const { return folder_ / "siplb.yaml"; }
  void write(std::string_view listeners, std::string_view groups) {
    std::ofstream(file()) << "global: {workers: 2, memory: 128MiB, key_file: key}\nlisteners: "
                          << listeners << "\ngroups: " << groups << "\nmetrics: off\n";
  }
  [[nodiscard]] bool reload() { return daemon_->control().reload({}).has_value(); }

  std::filesystem::path folder_;
  std::ostringstream out_;
  observe::EventLog log_{{.level = observe::LogLevel::Info,
                          .format = observe::LogFormat::Text,
                          .sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)}};
  config::LoadResult loaded_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(ReloadTest, SaysThatNothingHasChanged) {
  EXPECT_TRUE(reload());
  EXPECT_THAT(out_.str(), HasSubstr("reloaded origin=signal changes=\"nothing has changed\""));
}

TEST_F(ReloadTest, SaysWhatHasChanged) {
  write(kListeners, "[{name: g, health: off, servers: [{name: t, uri: \"sip:127.0.0.1:5998\"}]}]");
  EXPECT_TRUE(reload());
  EXPECT_THAT(out_.str(), HasSubstr("servers added: g/t"));
  EXPECT_THAT(out_.str(), HasSubstr("servers removed: g/s"));
}

TEST_F(ReloadTest, RefusesABadFileAndWhatNeedsARestart) {
  write(kListeners, "[]");
  EXPECT_FALSE(reload());
  std::ofstream(file()) << "nonsense";
  EXPECT_FALSE(reload());
  std::ofstream(file()) << "listeners: " << kListeners << "\ngroups: " << kGroups;
  EXPECT_FALSE(reload());
  EXPECT_THAT(out_.str(), HasSubstr("global.workers, global.memory"));
  write(kListeners, kGroups);
  EXPECT_TRUE(reload());
}

TEST_F(ReloadTest, OpensAndClosesListeners) {
  const auto fd = test::open_plain(test::loopback(SockAddress::Family::V4));
  const std::string address(test::address_of(fd.get()).text());
  const std::string more =
      "[{name: edge, address: \"127.0.0.1:0\", transports: [udp]}, "
      "{name: more, address: \"" +
      address + "\", transports: [udp]}]";
  write(more, kGroups);
  EXPECT_FALSE(reload()) << "somebody is there";
  EXPECT_THAT(out_.str(), HasSubstr("listener more (" + address + ")"));
}

TEST_F(ReloadTest, AListenerThatGoesFreesItsPort) {
  SockAddress address;
  {
    const auto fd = test::open_plain(test::loopback(SockAddress::Family::V4));
    address = test::address_of(fd.get());
  }
  write("[{name: edge, address: \"127.0.0.1:0\", transports: [udp]}, {name: more, address: \"" +
            std::string(address.text()) + "\", transports: [udp]}]",
        kGroups);
  ASSERT_TRUE(reload());
  EXPECT_FALSE(test::open_plain(address).is_open());
  write(kListeners, kGroups);
  ASSERT_TRUE(reload());
  EXPECT_TRUE(test::open_plain(address).is_open());
}

// Sockets of the old name and of the new one are at the port for a moment.
TEST_F(ReloadTest, AListenerMayBeCalledOtherwise) {
  SockAddress address;
  {
    const auto fd = test::open_plain(test::loopback(SockAddress::Family::V4));
    address = test::address_of(fd.get());
  }
  const auto named = [&](const std::string& name) {
    return "[{name: edge, address: \"127.0.0.1:0\", transports: [udp]}, {name: " + name +
           ", address: \"" + std::string(address.text()) + "\", transports: [udp]}]";
  };
  write(named("old"), kGroups);
  ASSERT_TRUE(reload());
  write(named("new"), kGroups);
  EXPECT_TRUE(reload());
  EXPECT_THAT(out_.str(), HasSubstr("listeners added: new"));
  EXPECT_FALSE(test::open_plain(address).is_open());
}

}  // namespace
}  // namespace siplb::app
