#include "app/resolver.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "support/dns_message.h"
#include "support/name_server.h"

namespace siplb::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::DnsMessage;
using test::NameServer;
using testing::ElementsAre;
using News = Resolver::News;

SockAddress place(std::string_view text) {
  return *SockAddress::parse(text);
}

class ResolverTest : public testing::Test {
 protected:
  void start(Resolver::Options options = {}) {
    options.nameservers = {server_.address()};
    auto resolver = Resolver::create(options);
    ASSERT_TRUE(resolver) << describe(resolver.error());
    resolver_ = std::move(*resolver);
  }
  void ask_for(std::vector<HostName> names) { resolver_->set_names(std::move(names)); }

  // Waits for the descriptor or, where that is sooner, the deadline, as the owner's loop does.
  News run_next() {
    pollfd poll{.fd = resolver_->descriptor(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<milliseconds>(resolver_->next_deadline() - Clock::now());
    ::poll(&poll, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, test::kPatienceMs)));
    return resolver_->run(now_);
  }
  News run() { return resolver_->run(now_); }
  uint64_t count(LookupResult result) { return resolver_->counters().results[result].value(); }
  // Runs until that many have ended so.
  void run_until(LookupResult result, uint64_t at_least) {
    const Instant end = Clock::now() + milliseconds(test::kPatienceMs);
    while (count(result) < at_least && Clock::now() < end) static_cast<void>(run_next());
    ASSERT_GE(count(result), at_least);
  }
  std::vector<SockAddress> led_to() {
    std::vector<SockAddress> found;
    for (const NamedAddress& each : resolver_->addresses(0).value_or(std::vector<NamedAddress>{})) {
      found.push_back(each.address);
    }
    return found;
  }

  Instant now_ = Clock::now();
  NameServer server_;
  std::unique_ptr<Resolver> resolver_;
};

const HostName kPbx{.host = "pbx.example", .port = 5070};

TEST_F(ResolverTest, SleepsWithoutNames) {
  start();
  EXPECT_EQ(run(), News::Nothing);
  EXPECT_EQ(resolver_->next_deadline(), Instant::max());
}

TEST_F(ResolverTest, AsksForBothFamilies) {
  start();
  ask_for({kPbx});
  EXPECT_LE(resolver_->next_deadline(), Clock::now());
  EXPECT_EQ(run(), News::Nothing);
  for (int i = 0; i < 2; ++i) {
    const auto query = server_.take();
    EXPECT_EQ(query.host, "pbx.example.");
    server_.reply(
        query,
        DnsMessage(query.octets).address(60, query.type == ns_t_a ? "10.0.0.1" : "2001:db8::1"));
  }
  run_until(LookupResult::Answered, 2);
  EXPECT_THAT(led_to(), ElementsAre(place("10.0.0.1:5070"), place("[2001:db8::1]:5070")));
  EXPECT_EQ(run(), News::Nothing);
  EXPECT_EQ(resolver_->next_deadline(), now_ + seconds(60));
}

TEST_F(ResolverTest, FollowsAServiceToItsTargets) {
  start();
  ask_for({{.host = "pbx.example", .port = {}}});
  static_cast<void>(run());
  const auto service = server_.take();
  EXPECT_EQ(service.host, "_sip._udp.pbx.example.");
  EXPECT_EQ(service.type, ns_t_srv);
  server_.reply(service,
                DnsMessage(service.octets).service(60, {.port = 5080, .target = "one.example"}));
  EXPECT_EQ(run_next(), News::Answers);
  for (int i = 0; i < 2; ++i) {
    const auto query = server_.take();
    EXPECT_EQ(query.host, "one.example.");
    DnsMessage reply(query.octets);
    if (query.type == ns_t_a) reply.address(60, "10.0.0.1");
    server_.reply(query, reply);
  }
  run_until(LookupResult::NoData, 1);
  run_until(LookupResult::Answered, 2);
  EXPECT_THAT(led_to(), ElementsAre(place("10.0.0.1:5080")));
}

TEST_F(ResolverTest, AsksAgainWhenTheAnswerRanOutAndTakesTheNewOne) {
  start();
  ask_for({kPbx});
  for (const char* const ip : {"10.0.0.1", "10.0.0.2"}) {
    const uint64_t before = count(LookupResult::Answered);
    static_cast<void>(run());
    for (int i = 0; i < 2; ++i) {
      const auto query = server_.take();
      server_.reply(query,
                    DnsMessage(query.octets).address(5, query.type == ns_t_a ? ip : "2001:db8::1"));
    }
    run_until(LookupResult::Answered, before + 2);
    EXPECT_EQ(led_to().front(), SockAddress::parse_ip(ip, 5070));
    now_ += seconds(4);
    EXPECT_EQ(run(), News::Nothing);
    EXPECT_FALSE(server_.has_query());
    now_ += seconds(1);
  }
}

TEST_F(ResolverTest, CountsWhatTheNameServerRefuses) {
  start();
  ask_for({kPbx});
  static_cast<void>(run());
  for (int i = 0; i < 2; ++i) {
    const auto query = server_.take();
    server_.reply(query, DnsMessage(query.octets).set_code(ns_r_nxdomain));
  }
  run_until(LookupResult::NoSuchName, 2);
  EXPECT_FALSE(resolver_->addresses(0));
  EXPECT_EQ(resolver_->counters().names_without_address.value(), 1u);
}

TEST_F(ResolverTest, TriesAgainWhenTheNameServerIsInTrouble) {
  start({.timeout = milliseconds(20), .tries = 2});
  ask_for({{.host = "pbx.example", .port = {}}});
  static_cast<void>(run());
  for (int i = 0; i < 2; ++i) {
    const auto query = server_.take();
    server_.reply(query, DnsMessage(query.octets).set_code(ns_r_servfail));
    static_cast<void>(run_next());
  }
  run_until(LookupResult::Failed, 1);
}

TEST_F(ResolverTest, KeepsTheAnswerWhenTheNameServerFallsSilent) {
  start({.timeout = milliseconds(20), .tries = 1});
  ask_for({kPbx});
  static_cast<void>(run());
  for (int i = 0; i < 2; ++i) {
    const auto query = server_.take();
    server_.reply(
        query,
        DnsMessage(query.octets).address(1, query.type == ns_t_a ? "10.0.0.1" : "2001:db8::1"));
  }
  run_until(LookupResult::Answered, 2);
  const auto before = led_to();
  now_ += seconds(2);
  EXPECT_EQ(run(), News::Nothing);
  run_until(LookupResult::TimedOut, 2);
  EXPECT_EQ(led_to(), before);
  EXPECT_EQ(resolver_->counters().names_without_address.value(), 0u);
}

TEST_F(ResolverTest, HasNoMoreQueriesUnderWayThanItMay) {
  start({.queries_max = 3});
  ask_for({{.host = "a.example", .port = 1}, {.host = "b.example", .port = 1}});
  static_cast<void>(run());
  const auto first = server_.take();
  static_cast<void>(server_.take());
  static_cast<void>(server_.take());
  EXPECT_FALSE(server_.has_query());
  EXPECT_GT(resolver_->next_deadline(), Clock::now()) << "it must not spin";
  server_.reply(first, DnsMessage(first.octets).address(60, "10.0.0.1"));
  EXPECT_EQ(run_next(), News::Answers);
  EXPECT_TRUE(server_.has_query());
}

TEST_F(ResolverTest, AsksTheHostsFileFirst) {
  start();
  ask_for({{.host = "localhost", .port = 5060}});
  EXPECT_EQ(run(), News::Answers);
}

TEST_F(ResolverTest, EndsWithQueriesUnderWay) {
  start();
  ask_for({kPbx});
  static_cast<void>(run());
  EXPECT_TRUE(server_.has_query());
  resolver_.reset();
}

TEST_F(ResolverTest, IgnoresForgedAnswers) {
  start();
  ask_for({kPbx});
  static_cast<void>(run());
  auto query = server_.take();
  auto octets = query.octets;
  octets[0] = static_cast<uint8_t>(octets[0] + 1);
  server_.reply(query, DnsMessage(octets).address(60, "10.0.0.66"));
  EXPECT_EQ(run_next(), News::Nothing);
  server_.reply(query, DnsMessage(query.octets).address(60, "10.0.0.1"));
  EXPECT_EQ(run_next(), News::Answers);
}

}  // namespace
}  // namespace siplb::app
