#include "app/systemd.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "net/file_descriptor.h"
#include "support/notify_socket.h"

namespace siplb::app {
namespace {

using namespace std::chrono_literals;
using test::Notification;
using test::NotifySocket;
using testing::StartsWith;

bool is_same_file(int left, int right) {
  struct stat a {};
  struct stat b {};
  return fstat(left, &a) == 0 && fstat(right, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

TEST(SystemdTest, TellsEachStateInTheWordsOfSystemd) {
  const NotifySocket socket;
  const Systemd systemd;
  EXPECT_TRUE(systemd.is_present());
  systemd.ready();
  EXPECT_EQ(socket.next().text, "READY=1");
  systemd.stopping();
  EXPECT_EQ(socket.next().text, "STOPPING=1");
  systemd.alive();
  EXPECT_EQ(socket.next().text, "WATCHDOG=1");
}

TEST(SystemdTest, SaysWhenReloadingBegan) {
  const NotifySocket socket;
  const Systemd systemd;
  const auto us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
        .count();
  };
  const auto before = us();
  systemd.reloading();
  const std::string text = socket.next().text;
  const std::string head = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_THAT(text, StartsWith(head));
  const auto told = std::stoll(text.substr(head.size()));
  EXPECT_GE(told, before);
  EXPECT_LE(told, us());
}

TEST(SystemdTest, StatusCanNotSayMoreThanAStatus) {
  const NotifySocket socket;
  const Systemd systemd;
  systemd.status("all is well\nSTOPPING=1");
  EXPECT_EQ(socket.next().text, "STATUS=all is well STOPPING=1");
}

TEST(SystemdTest, KeepsDescriptorsUnderAName) {
  const NotifySocket socket;
  const Systemd systemd;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const net::FileDescriptor read_end(ends[0]);
  const net::FileDescriptor write_end(ends[1]);
  EXPECT_TRUE(systemd.keep("v1-public-udp-0", ends));
  const Notification told = socket.next();
  EXPECT_EQ(told.text, "FDSTORE=1\nFDPOLL=0\nFDNAME=v1-public-udp-0");
  ASSERT_EQ(told.fds.size(), 2U);
  EXPECT_TRUE(is_same_file(told.fds[0].get(), read_end.get()));
  systemd.drop("v1-public-udp-0");
  EXPECT_EQ(socket.next().text, "FDSTOREREMOVE=1\nFDNAME=v1-public-udp-0");
}

TEST(SystemdTest, SaysWhereADescriptorCouldNotBeKept) {
  const NotifySocket socket;
  const Systemd systemd;
  const std::array<int, 1> not_open{-1};
  EXPECT_FALSE(systemd.keep("v1-public-udp-0", not_open));
  EXPECT_EQ(errno, EBADF);
}

// The systemd closes the descriptor that comes with BARRIER when it has dealt with all before it.
TEST(SystemdTest, SettlesWhenSystemdHasReadOnTillThere) {
  const NotifySocket socket;
  const Systemd systemd;
  systemd.drop("v1-public-udp-0");
  std::string heard;
  std::thread reader([&] {
    heard = socket.next().text;
    EXPECT_EQ(socket.next().text, "BARRIER=1");
  });
  systemd.settle(30s);
  EXPECT_EQ(heard, "FDSTOREREMOVE=1\nFDNAME=v1-public-udp-0");
  reader.join();
}

TEST(SystemdTest, SettlesForOneThatDoesNotReadAfterAWhile) {
  const NotifySocket socket;
  Systemd().settle(1ms);
  EXPECT_EQ(socket.next().text, "BARRIER=1");
}

TEST(SystemdTest, KnowsHowLongItMayBeSilent) {
  const NotifySocket socket;
  EXPECT_FALSE(Systemd().watchdog_period());
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(Systemd().watchdog_period(), 3s);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(Systemd().watchdog_period(), 3s);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(Systemd().watchdog_period()) << "another process is watched";
}

TEST(SystemdTest, DoesNothingWhereNobodyManagesIt) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "3000000", 1);
  const Systemd systemd;
  unsetenv("WATCHDOG_USEC");
  EXPECT_FALSE(systemd.is_present());
  EXPECT_FALSE(systemd.watchdog_period());
  systemd.ready();
  systemd.alive();
  systemd.drop("v1-public-udp-0");
  systemd.settle(1ms);
  const std::array<int, 1> fds{STDIN_FILENO};
  EXPECT_TRUE(systemd.keep("v1-public-udp-0", fds));
}

}  // namespace
}  // namespace siplb::app
