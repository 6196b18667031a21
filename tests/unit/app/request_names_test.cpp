#include "app/request_names.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "support/name_server.h"

namespace siplb::app {
namespace {

using proxy::AskStatus;
using proxy::NameKey;
using std::chrono::milliseconds;
using test::DnsMessage;
using testing::ElementsAre;

NameKey key(std::string_view host, uint16_t port = 5060) {
  NameKey name{.host = {}, .port = port, .transport = {}};
  name.host.append(host);
  return name;
}

class RequestNamesTest : public testing::Test {
 protected:
  RequestNamesTest() {
    auto names = RequestNames::create({.dns = {.nameservers = {server_.address()}}});
    EXPECT_TRUE(names) << describe(names.error());
    if (names) names_ = std::move(*names);
  }
  [[nodiscard]] bool is_readable() const {
    pollfd poll{.fd = names_->descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }
  // Runs whenever there is something to do, until a book comes.
  void run_until_book() {
    const Instant end = Clock::now() + milliseconds(test::kPatienceMs);
    while (names_->run(Clock::now()) == RequestNames::News::Nothing) {
      ASSERT_LT(Clock::now(), end);
      pollfd poll{.fd = names_->descriptor(), .events = POLLIN, .revents = 0};
      const auto left = std::chrono::ceil<milliseconds>(names_->next_deadline() - Clock::now());
      ::poll(&poll, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, test::kPatienceMs)));
    }
  }
  void answer_one(std::string_view ip) {
    const auto query = server_.take();
    DnsMessage reply(query.octets);
    if (query.type == ns_t_a) reply.address(60, ip);
    server_.reply(query, reply);
  }
  [[nodiscard]] const Counter& lookups(LookupResult result) const {
    return names_->metrics().lookups[static_cast<size_t>(result)].count;
  }

  test::NameServer server_;
  std::unique_ptr<RequestNames> names_;
};

TEST_F(RequestNamesTest, SleepsAsLongAsNothingIsAsked) {
  EXPECT_EQ(names_->run(Clock::now()), RequestNames::News::Nothing);
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(names_->next_deadline(), Instant::max());
}

TEST_F(RequestNamesTest, PublishesWhatWasAsked) {
  EXPECT_EQ(names_->ask(key("a.example", 5070), Clock::now()), AskStatus::Asked);
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(names_->run(Clock::now()), RequestNames::News::Nothing);
  EXPECT_TRUE(names_->books().look(0).empty());
  answer_one("192.0.2.7");
  answer_one("192.0.2.7");
  run_until_book();
  const proxy::NameBook& book = names_->books().look(0);
  const auto found = book.find(key("a.example", 5070));
  ASSERT_NE(found, book.end());
  ASSERT_EQ(found->second.places.size(), 1U);
  EXPECT_EQ(found->second.places[0].address, *SockAddress::parse("192.0.2.7:5070"));
  EXPECT_EQ(names_->metrics().names->value(), 1U);
  EXPECT_EQ(lookups(LookupResult::Answered).value(), 1U);
  EXPECT_EQ(lookups(LookupResult::NoData).value(), 1U);
}

TEST_F(RequestNamesTest, AsksThatFindNoRoomAreRefusedUntilSomeAreTakenUp) {
  const Instant now = Clock::now();
  for (size_t i = 0; i < RequestNames::kAsksWaiting; ++i) {
    ASSERT_EQ(names_->ask(key("a.example"), now), AskStatus::Asked);
  }
  EXPECT_EQ(names_->ask(key("a.example"), now), AskStatus::Full);
  static_cast<void>(names_->run(now));
  EXPECT_EQ(names_->ask(key("a.example"), now), AskStatus::Asked);
}

TEST_F(RequestNamesTest, NoMoreIsAskedInASecondThanItMay) {
  const Instant now = Clock::now();
  AskStatus last = AskStatus::Asked;
  size_t asked = 0;
  for (; asked <= 2 * RequestNames::kAsksPerSecond; ++asked) {
    last = names_->ask(key("a.example"), now);
    if (last == AskStatus::TooMany) break;
    static_cast<void>(names_->run(now));
  }
  EXPECT_EQ(last, AskStatus::TooMany);
  EXPECT_GE(asked, RequestNames::kAsksPerSecond);
  EXPECT_EQ(names_->ask(key("a.example"), now + std::chrono::seconds(1)), AskStatus::Asked);
}

TEST_F(RequestNamesTest, WhoAsksTakesNothingFromTheHeap) {
  const NameKey name = key(std::string(proxy::kHostNameOctetsMax, 'a'));
  const uint64_t before = AllocGuard::allocations();
  AllocGuard::arm_this_thread();
  const AskStatus status = names_->ask(name, Clock::now());
  AllocGuard::disarm_this_thread();
  EXPECT_EQ(status, AskStatus::Asked);
  EXPECT_EQ(AllocGuard::allocations(), before);
}

}  // namespace
}  // namespace siplb::app
