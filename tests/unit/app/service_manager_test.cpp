#include "app/service_manager.h"

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

TEST(ServiceManagerTest, TellsEachStateInTheWordsOfSystemd) {
  const NotifySocket socket;
  const ServiceManager manager;
  EXPECT_TRUE(manager.is_present());
  manager.ready();
  EXPECT_EQ(socket.next().text, "READY=1");
  manager.stopping();
  EXPECT_EQ(socket.next().text, "STOPPING=1");
  manager.alive();
  EXPECT_EQ(socket.next().text, "WATCHDOG=1");
}

TEST(ServiceManagerTest, SaysWhenReloadingBegan) {
  const NotifySocket socket;
  const ServiceManager manager;
  const auto us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
        .count();
  };
  const auto before = us();
  manager.reloading();
  const std::string text = socket.next().text;
  const std::string head = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_THAT(text, StartsWith(head));
  const auto told = std::stoll(text.substr(head.size()));
  EXPECT_GE(told, before);
  EXPECT_LE(told, us());
}

TEST(ServiceManagerTest, StatusCanNotSayMoreThanAStatus) {
  const NotifySocket socket;
  const ServiceManager manager;
  manager.status("all is well\nSTOPPING=1");
  EXPECT_EQ(socket.next().text, "STATUS=all is well STOPPING=1");
}

TEST(ServiceManagerTest, KeepsDescriptorsUnderAName) {
  const NotifySocket socket;
  const ServiceManager manager;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const net::FileDescriptor read_end(ends[0]);
  const net::FileDescriptor write_end(ends[1]);
  EXPECT_TRUE(manager.keep("v1-public-udp-0", ends));
  const Notification told = socket.next();
  EXPECT_EQ(told.text, "FDSTORE=1\nFDPOLL=0\nFDNAME=v1-public-udp-0");
  ASSERT_EQ(told.fds.size(), 2U);
  EXPECT_TRUE(is_same_file(told.fds[0].get(), read_end.get()));
  manager.drop("v1-public-udp-0");
  EXPECT_EQ(socket.next().text, "FDSTOREREMOVE=1\nFDNAME=v1-public-udp-0");
}

TEST(ServiceManagerTest, SaysWhereADescriptorCouldNotBeKept) {
  const NotifySocket socket;
  const ServiceManager manager;
  const std::array<int, 1> not_open{-1};
  EXPECT_FALSE(manager.keep("v1-public-udp-0", not_open));
  EXPECT_EQ(errno, EBADF);
}

// The manager closes the descriptor that comes with BARRIER when it has dealt with all before it.
TEST(ServiceManagerTest, SettlesWhenTheManagerHasReadOnTillThere) {
  const NotifySocket socket;
  const ServiceManager manager;
  manager.drop("v1-public-udp-0");
  std::string heard;
  std::thread reader([&] {
    heard = socket.next().text;
    EXPECT_EQ(socket.next().text, "BARRIER=1");
  });
  manager.settle(30s);
  EXPECT_EQ(heard, "FDSTOREREMOVE=1\nFDNAME=v1-public-udp-0");
  reader.join();
}

TEST(ServiceManagerTest, SettlesForAManagerThatDoesNotReadAfterAWhile) {
  const NotifySocket socket;
  ServiceManager().settle(1ms);
  EXPECT_EQ(socket.next().text, "BARRIER=1");
}

TEST(ServiceManagerTest, KnowsHowLongItMayBeSilent) {
  const NotifySocket socket;
  EXPECT_FALSE(ServiceManager().watchdog_period());
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(ServiceManager().watchdog_period(), 3s);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager().watchdog_period(), 3s);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(ServiceManager().watchdog_period()) << "another process is watched";
}

TEST(ServiceManagerTest, DoesNothingWhereNobodyManagesIt) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "3000000", 1);
  const ServiceManager manager;
  unsetenv("WATCHDOG_USEC");
  EXPECT_FALSE(manager.is_present());
  EXPECT_FALSE(manager.watchdog_period());
  manager.ready();
  manager.alive();
  manager.drop("v1-public-udp-0");
  manager.settle(1ms);
  const std::array<int, 1> fds{STDIN_FILENO};
  EXPECT_TRUE(manager.keep("v1-public-udp-0", fds));
}

}  // namespace
}  // namespace siplb::app
