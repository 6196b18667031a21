#include "app/unix_listener.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace siplb::app {
namespace {

namespace fs = std::filesystem;

class UnixListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "siplb-unix-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "a.sock";
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] bool is_answered() const {
    const net::FileDescriptor caller(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    return connect(caller.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] mode_t mode() const {
    struct stat status {};
    EXPECT_EQ(stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(UnixListenerTest, ListensWithTheModeThatWasAskedFor) {
  for (const mode_t wanted : {0600u, 0660u}) {
    const auto listener = listen_at({.path = path_, .mode = wanted});
    ASSERT_TRUE(listener.has_value());
    EXPECT_EQ(mode(), wanted);
    EXPECT_TRUE(is_answered());
    fs::remove(path_);
  }
}

TEST_F(UnixListenerTest, ReplacesASocketThatNobodyListensAt) {
  { const auto gone = listen_at({.path = path_}); }
  ASSERT_TRUE(fs::exists(path_));
  EXPECT_FALSE(is_answered());
  const auto listener = listen_at({.path = path_});
  ASSERT_TRUE(listener.has_value());
  EXPECT_TRUE(is_answered());
}

TEST_F(UnixListenerTest, LeavesASocketThatSomebodyListensAt) {
  const auto first = listen_at({.path = path_});
  const auto second = listen_at({.path = path_});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
  EXPECT_TRUE(is_answered());
}

TEST_F(UnixListenerTest, LeavesASocketWhoseBacklogIsFull) {
  const auto first = listen_at({.path = path_});
  std::vector<net::FileDescriptor> callers;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  do {
    callers.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  } while (connect(callers.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
           0);
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_EQ(listen_at({.path = path_}).error().code, ErrorCode::AddressInUse);
}

TEST_F(UnixListenerTest, LeavesFilesOfOtherKinds) {
  std::ofstream(path_) << "mine";
  const auto listener = listen_at({.path = path_});
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, ErrorCode::AddressInUse);
  EXPECT_TRUE(fs::is_regular_file(path_));
}

TEST_F(UnixListenerTest, RefusesAPathThatNoSocketCanHave) {
  const auto too_long = listen_at({.path = folder_ / std::string(120, 'x')});
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().sys_errno, ENAMETOOLONG);
  const auto nowhere = listen_at({.path = folder_ / "missing" / "a.sock"});
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().sys_errno, ENOENT);
}

}  // namespace
}  // namespace siplb::app
