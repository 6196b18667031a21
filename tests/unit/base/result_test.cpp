#include "base/result.h"

#include <cerrno>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace siplb {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return plain_error(ErrorCode::KeyFileMalformed);
  return number / 2;
}

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<int> good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);

  const Result<int> bad = half(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::KeyFileMalformed);
  EXPECT_EQ(bad.error().sys_errno, 0);
}

TEST(ResultTest, SystemErrorKeepsErrno) {
  errno = EADDRINUSE;
  const Result<int> bad = system_error(ErrorCode::SocketBind);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().sys_errno, EADDRINUSE);
}

TEST(ResultTest, DescribesWhatAndWhy) {
  EXPECT_EQ(describe({ErrorCode::SocketBind, ENOENT}), "cannot bind: No such file or directory");
  EXPECT_EQ(describe({ErrorCode::SocketBind, 0}), "cannot bind");
}

TEST(ResultTest, DescribesEveryCodeInItsOwnWords) {
  std::set<std::string> texts;
  const auto count = static_cast<size_t>(ErrorCode::HttpListen) + 1;
  for (size_t code = 0; code < count; ++code) {
    texts.insert(describe({static_cast<ErrorCode>(code), 0}));
  }
  EXPECT_EQ(texts.size(), count);
  EXPECT_FALSE(texts.contains("unknown error"));
}

}  // namespace
}  // namespace siplb
