#include "app/call_tables.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace siplb::app {
namespace {

using balance::AffinityEntry;
using balance::AffinityKind;
using balance::AffinityTable;

constexpr CallTables::Shape kShape{.lanes = 4, .call_entries = 256, .other_entries = 8};
constexpr HashKey kKey{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr size_t kPage = 4096;
// The header, then of each lane two pages of calls and one of others.
constexpr size_t kOctets = kPage + 4 * (2 + 1) * kPage;
constexpr int kOurSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr Instant kStart{std::chrono::seconds(1000)};

net::FileDescriptor copy_of(const net::FileDescriptor& fd) {
  return net::FileDescriptor(::dup(fd.get()));
}

TEST(CallTablesTest, BeginEmptyEachFromItsPageOn) {
  const auto tables = CallTables::create(kShape, kKey);
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->shape(), kShape);
  EXPECT_EQ(tables->key(), kKey);
  EXPECT_FALSE(tables->has_old_entries());
  ASSERT_EQ(tables->by_lane().size(), 4U);
  const auto is_free = [](const AffinityEntry& entry) { return entry.key == 0; };
  const char* end = nullptr;
  for (const proxy::LaneTables& lane : tables->by_lane()) {
    ASSERT_EQ(lane.calls.size(), 256U);
    ASSERT_EQ(lane.others.size(), 8U);
    for (const auto region : {lane.calls, lane.others}) {
      EXPECT_TRUE(std::all_of(region.begin(), region.end(), is_free));
      const char* at = reinterpret_cast<const char*>(region.data());
      EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % kPage, 0U);
      EXPECT_GE(at, end);
      end = at + region.size_bytes();
    }
  }
}

TEST(CallTablesTest, MemoryNeverChangesItsSize) {
  const auto tables = CallTables::create(kShape, kKey);
  ASSERT_TRUE(tables);
  const int fd = tables->descriptor().get();
  EXPECT_EQ(::lseek(fd, 0, SEEK_END), static_cast<off_t>(kOctets));
  EXPECT_NE(::ftruncate(fd, kOctets - 1), 0);
  EXPECT_NE(::ftruncate(fd, kOctets + 1), 0);
  EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST(CallTablesTest, AreAdoptedEmpty) {
  const auto tables = CallTables::create(kShape, kKey);
  ASSERT_TRUE(tables);
  const auto adopted = CallTables::adopt(copy_of(tables->descriptor()));
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->shape(), kShape);
  EXPECT_EQ(adopted->key(), kKey);
  EXPECT_TRUE(adopted->has_old_entries());
  EXPECT_EQ(adopted->by_lane()[3].calls[255].key, 0U);
}

TEST(CallTablesTest, AreAdoptedFull) {
  net::FileDescriptor left;
  {
    const auto tables = CallTables::create(kShape, kKey);
    ASSERT_TRUE(tables);
    uint64_t number = 0;
    for (const proxy::LaneTables& lane : tables->by_lane()) {
      for (AffinityEntry& entry : lane.calls) entry.key = ++number;
      for (AffinityEntry& entry : lane.others) entry.key = ++number;
    }
    left = copy_of(tables->descriptor());
  }
  const auto adopted = CallTables::adopt(std::move(left));
  ASSERT_TRUE(adopted);
  uint64_t number = 0;
  for (const proxy::LaneTables& lane : adopted->by_lane()) {
    for (const AffinityEntry& entry : lane.calls) EXPECT_EQ(entry.key, ++number);
    for (const AffinityEntry& entry : lane.others) EXPECT_EQ(entry.key, ++number);
  }
  EXPECT_EQ(number, 4U * (256 + 8));
}

// Puts calls into a lane until it is killed; says so when the table has been full once.
[[noreturn]] void fill_for_ever(const proxy::LaneTables& lane, int told) {
  balance::AffinityCounters counters;
  balance::CallCounts counts(1);
  AffinityTable table(lane.calls, lane.others, {}, counters, &counts);
  for (uint64_t number = 1;; ++number) {
    const AffinityTable::Call call{.key = number << 32 | number, .server_id = 1};
    static_cast<void>(
        table.put(call.key, call.server_id, call.from_tag_hash, 0, AffinityKind::Call, kStart));
    table.activate(call, 0, kStart);
    if (number == 4 * lane.calls.size()) static_cast<void>(::write(told, "", 1));
  }
}

TEST(CallTablesTest, HaveWholeEntriesAfterTheirProcessWasKilled) {
  const auto tables = CallTables::create(kShape, kKey);
  ASSERT_TRUE(tables);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) fill_for_ever(tables->by_lane()[1], pipe[1]);
  char octet = 0;
  EXPECT_EQ(::read(pipe[0], &octet, 1), 1);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  for (const int fd : pipe) ::close(fd);

  const auto adopted = CallTables::adopt(copy_of(tables->descriptor()));
  ASSERT_TRUE(adopted);
  const proxy::LaneTables& lane = adopted->by_lane()[1];
  balance::AffinityCounters counters;
  const AffinityTable table(lane.calls, lane.others, {}, counters);
  const size_t whole = table.count_for_test(kStart);
  EXPECT_GE(whole + 1, lane.calls.size());  // but for the one that it was at
  EXPECT_LE(counters.torn.value(), 1U);
}

// What is not ours, or was ours and has been changed.
class ForeignTablesTest : public testing::Test {
 protected:
  // The first octets of our memory, as many as are asked for.
  static std::string octets_of_ours(size_t count) {
    const auto tables = CallTables::create(kShape, kKey);
    EXPECT_TRUE(tables);
    std::string octets(count, '\0');
    EXPECT_GE(::pread(tables->descriptor().get(), octets.data(), count, 0), 0);
    return octets;
  }
  // The same with another number of `width` octets in the header, which fits its check.
  template <class Number>
  static std::string ours_with(size_t at, Number number) {
    std::string octets = octets_of_ours(kOctets);
    std::memcpy(octets.data() + at, &number, sizeof number);
    const uint64_t check = hash_octets(std::string_view(octets).substr(0, kCheckAt));
    std::memcpy(octets.data() + kCheckAt, &check, sizeof check);
    return octets;
  }
  static net::FileDescriptor memory_of(const std::string& octets, int seals = kOurSeals) {
    net::FileDescriptor fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::write(fd.get(), octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
    EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    return fd;
  }
  static void expect_refused(net::FileDescriptor fd, std::string_view reason,
                             const char* description) {
    const auto adopted = CallTables::adopt(std::move(fd));
    ASSERT_FALSE(adopted) << description;
    EXPECT_EQ(adopted.error(), reason) << description;
  }

  static constexpr size_t kVersionAt = 8;
  static constexpr size_t kLanesAt = 12;
  static constexpr size_t kCallEntriesAt = 16;
  static constexpr size_t kOtherEntriesAt = 24;
  static constexpr size_t kKeyAt = 32;
  static constexpr size_t kCheckAt = 48;
};

TEST_F(ForeignTablesTest, WhatIsAsOursIsAdopted) {
  EXPECT_TRUE(CallTables::adopt(memory_of(octets_of_ours(kOctets))));
  EXPECT_TRUE(CallTables::adopt(memory_of(ours_with<uint8_t>(kKeyAt, 99))));
}

TEST_F(ForeignTablesTest, WhatMayChangeItsSizeIsRefused) {
  const std::string ours = octets_of_ours(kOctets);
  expect_refused({}, "not sealed", "no descriptor");
  expect_refused(net::FileDescriptor(::open("/dev/null", O_RDWR | O_CLOEXEC)), "not sealed",
                 "no memory");
  expect_refused(memory_of(ours, 0), "not sealed", "no seals");
  for (const int seal : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL}) {
    expect_refused(memory_of(ours, kOurSeals & ~seal), "not sealed", "a seal less");
  }
}

TEST_F(ForeignTablesTest, WhatCannotBeWrittenIsRefused) {
  expect_refused(memory_of(octets_of_ours(kOctets), kOurSeals | F_SEAL_WRITE), "cannot be mapped",
                 "sealed against writing");
}

TEST_F(ForeignTablesTest, WhatHasNoHeaderIsRefused) {
  expect_refused(memory_of(""), "no call tables", "empty");
  expect_refused(memory_of(octets_of_ours(kPage - 1)), "no call tables", "less than a page");
  expect_refused(memory_of(std::string(kOctets, '\0')), "no call tables", "zeros");
}

TEST_F(ForeignTablesTest, AnotherVersionIsRefused) {
  expect_refused(memory_of(ours_with<uint32_t>(kVersionAt, 0)), "of another version", "older");
  expect_refused(memory_of(ours_with<uint32_t>(kVersionAt, 2)), "of another version", "newer");
}

TEST_F(ForeignTablesTest, AHeaderThatFailsItsCheckIsRefused) {
  for (size_t at = kLanesAt; at < kCheckAt + sizeof(uint64_t); ++at) {
    std::string octets = octets_of_ours(kOctets);
    octets[at] = static_cast<char>(octets[at] ^ 1);
    expect_refused(memory_of(octets), "header damaged", std::to_string(at).c_str());
  }
}

TEST_F(ForeignTablesTest, AnotherSizeIsRefused) {
  constexpr std::string_view kReason = "of another size than its header says";
  expect_refused(memory_of(octets_of_ours(kPage)), kReason, "the header alone");
  expect_refused(memory_of(octets_of_ours(kOctets - 1)), kReason, "cut short");
  expect_refused(memory_of(octets_of_ours(kOctets) + '\0'), kReason, "longer");
}

TEST_F(ForeignTablesTest, AShapeThatTablesCannotHaveIsRefused) {
  constexpr std::string_view kReason = "of another size than its header says";
  for (const uint32_t lanes : {0U, 3U, 65U, 0xffffffffU}) {
    expect_refused(memory_of(ours_with(kLanesAt, lanes)), kReason, "lanes");
  }
  for (const uint64_t entries : {uint64_t{0}, uint64_t{2}, uint64_t{192}, uint64_t{1} << 63}) {
    expect_refused(memory_of(ours_with(kCallEntriesAt, entries)), kReason, "calls");
    expect_refused(memory_of(ours_with(kOtherEntriesAt, entries)), kReason, "others");
  }
}

// As many lanes with the same key.

class ResizedTablesTest : public testing::Test {
 protected:
  static AffinityTable table_of(const proxy::LaneTables& lane) {
    static balance::AffinityCounters counters;
    return AffinityTable(lane.calls, lane.others, {}, counters);
  }
  static void put(const CallTables& tables, size_t lane, uint64_t key, AffinityKind kind) {
    static_cast<void>(table_of(tables.by_lane()[lane]).put(key, 7, 7, 0, kind, kStart));
  }
  static bool has(const CallTables& tables, size_t lane, uint64_t key) {
    return table_of(tables.by_lane()[lane]).find(key, kStart) != nullptr;
  }
};

TEST_F(ResizedTablesTest, FindEachEntryOnItsLane) {
  const auto from = CallTables::create(kShape, kKey);
  ASSERT_TRUE(from);
  put(*from, 0, uint64_t{500} << 32 | 1, AffinityKind::Call);
  put(*from, 3, uint64_t{501} << 32 | 1, AffinityKind::Call);
  put(*from, 3, uint64_t{502} << 32 | 1, AffinityKind::Other);
  for (const size_t entries : {128, 512}) {
    auto to = CallTables::create(
        {.lanes = kShape.lanes, .call_entries = entries, .other_entries = entries}, kKey);
    ASSERT_TRUE(to);
    to->carry_over(*from);
    EXPECT_TRUE(to->has_old_entries());
    EXPECT_TRUE(has(*to, 0, uint64_t{500} << 32 | 1));
    EXPECT_FALSE(has(*to, 3, uint64_t{500} << 32 | 1));
    EXPECT_TRUE(has(*to, 3, uint64_t{501} << 32 | 1));
    EXPECT_TRUE(has(*to, 3, uint64_t{502} << 32 | 1));
  }
}

// For as long as it lives no file, and so no such memory, may be longer than a page.
class ShortFiles {
 public:
  ShortFiles() {
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit short_ones = before_;
    short_ones.rlim_cur = kPage;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &short_ones), 0);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~ShortFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  ShortFiles(const ShortFiles&) = delete;
  ShortFiles& operator=(const ShortFiles&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = nullptr;
};

TEST(PrivateTablesTest, AreThereWhereTheSystemGivesNoLastingMemory) {
  const ShortFiles limit;
  const auto refused = CallTables::create(kShape, kKey);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::MemoryFileOpen);
  EXPECT_EQ(refused.error().sys_errno, EFBIG);

  const auto tables = CallTables::create_private(kShape, kKey);
  ASSERT_TRUE(tables);
  EXPECT_FALSE(tables->descriptor().is_open());
  ASSERT_EQ(tables->by_lane().size(), 4U);
  AffinityEntry& last = tables->by_lane()[3].others.back();
  EXPECT_EQ(last.key, 0U);
  last.key = 1;
}

}  // namespace
}  // namespace siplb::app
