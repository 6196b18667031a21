#include "app/wanted_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using proxy::NamedPlace;
using proxy::NameKey;
using sip::Transport;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::UnorderedElementsAre;

SockAddress known(std::string_view text) {
  return *SockAddress::parse(text);
}

NameKey name_key(std::string_view host, uint16_t port = 0,
                 std::optional<Transport> transport = {}) {
  NameKey name{.host = {}, .port = port, .transport = transport};
  name.host.append(host);
  return name;
}

Answer answer_of(std::vector<std::string_view> ips, seconds ttl = seconds(60)) {
  Answer answer{.result = LookupResult::Answered, .ttl = ttl};
  for (const auto ip : ips) answer.addresses.push_back(*SockAddress::parse_ip(ip, 0));
  return answer;
}

Answer targets_of(std::vector<SrvRecord> records) {
  return {.result = LookupResult::Answered, .ttl = seconds(60), .targets = std::move(records)};
}

const Answer kNothing = {.result = LookupResult::NoSuchName};
const Answer kSilence = {.result = LookupResult::TimedOut};

// The test speaks for the name servers.
class WantedNamesTest : public testing::Test {
 protected:
  static constexpr size_t kNames = 3;

  std::vector<std::string> take_all() {
    std::vector<std::string> hosts;
    while (const auto question = names_.take_due(now_)) hosts.push_back(question->host);
    return hosts;
  }
  void answer(const std::string& host, const Answer& v4, const Answer& v6 = kNothing) {
    static_cast<void>(take_all());
    names_.on_answer({host, RecordType::A}, v4, now_);
    names_.on_answer({host, RecordType::Aaaa}, v6, now_);
  }
  void answer_service(const std::string& host, const Answer& answer) {
    static_cast<void>(take_all());
    names_.on_answer({host, RecordType::Srv}, answer, now_);
  }
  void know(const NameKey& name, std::string_view ip) {
    names_.want(name, now_);
    answer(std::string(name.host.view()) + '.', answer_of({ip}));
  }
  // What the last book says of it; nothing where it does not know it.
  std::optional<std::vector<NamedPlace>> places(const NameKey& name) {
    if (const auto book = names_.take_book()) book_ = *book;
    const auto found = book_.find(name);
    if (found == book_.end()) return std::nullopt;
    return found->second.places;
  }
  void pass(Duration time) {
    now_ += time;
    names_.forget_unused(now_);
  }

  Instant now_{std::chrono::hours(1)};
  WantedNames names_{kNames};
  proxy::NameBook book_;
};

TEST_F(WantedNamesTest, HasNothingToDoWithoutNames) {
  EXPECT_EQ(names_.next_due(), Instant::max());
  EXPECT_EQ(names_.next_forgotten(), Instant::max());
  EXPECT_EQ(names_.take_due(now_), std::nullopt);
  EXPECT_EQ(names_.take_book(), nullptr);
}

TEST_F(WantedNamesTest, WithAPortItAsksForAddressesOnly) {
  const NameKey name = name_key("a.example", 5070);
  names_.want(name, now_);
  EXPECT_EQ(names_.next_due(), Instant::min());
  EXPECT_THAT(take_all(), ElementsAre("a.example.", "a.example."));
  EXPECT_EQ(places(name), std::nullopt);
  answer("a.example.", answer_of({"192.0.2.1"}), answer_of({"2001:db8::1"}));
  EXPECT_THAT(
      places(name),
      Optional(ElementsAre(
          NamedPlace{.address = known("192.0.2.1:5070"), .transport = {}, .share = kFullShare},
          NamedPlace{
              .address = known("[2001:db8::1]:5070"), .transport = {}, .share = kFullShare})));
}

TEST_F(WantedNamesTest, WithATransportItAsksForThatService) {
  const NameKey name = name_key("a.example", 0, Transport::Tcp);
  names_.want(name, now_);
  EXPECT_THAT(take_all(), ElementsAre("_sip._tcp.a.example."));
  answer_service("_sip._tcp.a.example.", kNothing);
  EXPECT_THAT(take_all(), ElementsAre("a.example.", "a.example."));
  answer("a.example.", answer_of({"192.0.2.1"}));
  EXPECT_THAT(places(name), Optional(ElementsAre(NamedPlace{.address = known("192.0.2.1:5060"),
                                                            .transport = Transport::Tcp,
                                                            .share = kFullShare})));
}

TEST_F(WantedNamesTest, WithNeitherItTakesEachServiceThatThereIsUdpFirst) {
  const NameKey name = name_key("a.example");
  names_.want(name, now_);
  EXPECT_THAT(take_all(), UnorderedElementsAre("_sip._udp.a.example.", "_sip._tcp.a.example."));
  answer_service("_sip._tcp.a.example.", targets_of({{.port = 5061, .target = "t.example."}}));
  answer_service("_sip._udp.a.example.",
                 targets_of({{.priority = 1, .weight = 1, .port = 5062, .target = "u.example."},
                             {.priority = 2, .weight = 1, .port = 5063, .target = "u.example."}}));
  answer("t.example.", answer_of({"192.0.2.1"}));
  EXPECT_EQ(places(name), std::nullopt);  // not all of it is known
  answer("u.example.", answer_of({"192.0.2.2"}));
  EXPECT_THAT(places(name), Optional(ElementsAre(NamedPlace{.address = known("192.0.2.2:5062"),
                                                            .transport = Transport::Udp,
                                                            .rank = 0,
                                                            .share = kFullShare},
                                                 NamedPlace{.address = known("192.0.2.2:5063"),
                                                            .transport = Transport::Udp,
                                                            .rank = 1,
                                                            .share = kFullShare},
                                                 NamedPlace{.address = known("192.0.2.1:5061"),
                                                            .transport = Transport::Tcp,
                                                            .rank = 2,
                                                            .share = kFullShare})));
}

TEST_F(WantedNamesTest, WithNeitherAndNoServiceNobodySaysTheTransport) {
  const NameKey name = name_key("a.example");
  names_.want(name, now_);
  answer_service("_sip._udp.a.example.", kNothing);
  answer_service("_sip._tcp.a.example.", kNothing);
  answer("a.example.", answer_of({"192.0.2.1"}));
  EXPECT_THAT(places(name),
              Optional(ElementsAre(NamedPlace{
                  .address = known("192.0.2.1:5060"), .transport = {}, .share = kFullShare})));
}

TEST_F(WantedNamesTest, OneAnswerServesAllThatRestUponIt) {
  const NameKey one = name_key("a.example", 5060);
  const NameKey other = name_key("a.example", 5062);
  names_.want(one, now_);
  names_.want(other, now_);
  answer("a.example.", answer_of({"192.0.2.1"}));
  EXPECT_TRUE(places(one));
  EXPECT_TRUE(places(other));
  EXPECT_EQ(names_.counters().results[LookupResult::Answered].value(), 1U);
}

TEST_F(WantedNamesTest, WhatLeadsNowhereIsKnownToo) {
  const NameKey name = name_key("a.example", 5060);
  names_.want(name, now_);
  answer("a.example.", kNothing);
  EXPECT_THAT(places(name), Optional(IsEmpty()));
  pass(WantedNames::kLifeOfNothing);
  EXPECT_EQ(places(name), std::nullopt);
  EXPECT_EQ(names_.next_due(), Instant::max());
}

TEST_F(WantedNamesTest, AnAnswerThatRanOutIsAskedForAgainAndKeptUntilThereIsABetterOne) {
  const NameKey name = name_key("a.example", 5060);
  know(name, "192.0.2.1");
  pass(seconds(61));
  EXPECT_THAT(take_all(), ElementsAre("a.example.", "a.example."));
  answer("a.example.", kSilence, kSilence);
  EXPECT_TRUE(places(name));
  EXPECT_EQ(places(name)->front().address, known("192.0.2.1:5060"));
  answer("a.example.", answer_of({"192.0.2.2"}));
  EXPECT_EQ(places(name)->front().address, known("192.0.2.2:5060"));
}

TEST_F(WantedNamesTest, IsForgottenUnlessSomebodyGoesByIt) {
  const NameKey used = name_key("a.example", 5060);
  const NameKey unused = name_key("b.example", 5060);
  know(used, "192.0.2.1");
  know(unused, "192.0.2.2");
  EXPECT_TRUE(places(used));
  EXPECT_EQ(book_.at(used).ask_at, now_ + WantedNames::kLife / 2);
  EXPECT_EQ(names_.next_forgotten(), now_ + WantedNames::kLife);
  pass(WantedNames::kLife / 2);
  names_.want(used, now_);
  EXPECT_TRUE(places(used));
  EXPECT_EQ(book_.at(used).ask_at, now_ + WantedNames::kLife / 2);
  pass(WantedNames::kLife / 2);
  EXPECT_TRUE(places(used));
  EXPECT_FALSE(places(unused));
  EXPECT_EQ(names_.counters().names.value(), 1U);
}

TEST_F(WantedNamesTest, WhereThereIsNoRoomTheOneUsedLongestAgoGivesWay) {
  const NameKey first = name_key("a.example", 5060);
  const NameKey second = name_key("b.example", 5060);
  know(first, "192.0.2.1");
  pass(seconds(1));
  know(second, "192.0.2.2");
  pass(seconds(1));
  know(name_key("c.example", 5060), "192.0.2.3");
  EXPECT_EQ(names_.counters().names.value(), kNames);
  names_.want(first, now_);
  know(name_key("d.example", 5060), "192.0.2.4");
  EXPECT_EQ(names_.counters().names.value(), kNames);
  EXPECT_EQ(names_.counters().evicted.value(), 1U);
  EXPECT_TRUE(places(first));
  EXPECT_FALSE(places(second));
  EXPECT_TRUE(places(name_key("d.example", 5060)));
}

TEST_F(WantedNamesTest, KeepsNoMoreAddressesThanItMay) {
  const NameKey name = name_key("a.example", 5060);
  names_.want(name, now_);
  std::vector<std::string_view> many(WantedNames::kAddressesMax + 1, "192.0.2.1");
  answer("a.example.", answer_of(many), answer_of({"2001:db8::1"}));
  EXPECT_EQ(places(name)->size(), WantedNames::kAddressesMax + 1);
  EXPECT_EQ(places(name)->back().address, known("[2001:db8::1]:5060"));
}

TEST_F(WantedNamesTest, APublishedBookIsNotMadeAgainWhereNothingHasChanged) {
  const NameKey name = name_key("a.example", 5060);
  know(name, "192.0.2.1");
  EXPECT_NE(names_.take_book(), nullptr);
  EXPECT_EQ(names_.take_book(), nullptr);
  pass(seconds(61));
  answer("a.example.", answer_of({"192.0.2.1"}));
  EXPECT_EQ(names_.take_book(), nullptr);
}

}  // namespace
}  // namespace siplb::app
