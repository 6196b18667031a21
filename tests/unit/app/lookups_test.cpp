#include "app/lookups.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

SockAddress at(std::string_view text) {
  return *SockAddress::parse(text);
}

Answer addresses(std::vector<std::string_view> ips, seconds ttl = seconds(60)) {
  Answer answer{.result = LookupResult::Answered, .ttl = ttl};
  for (const auto ip : ips) answer.addresses.push_back(*SockAddress::parse_ip(ip, 0));
  return answer;
}

Answer targets(std::vector<SrvRecord> records) {
  return {.result = LookupResult::Answered, .ttl = seconds(60), .targets = std::move(records)};
}

Answer failure(LookupResult result = LookupResult::Failed) {
  return {.result = result};
}

const Answer kNone = failure(LookupResult::NoData);

std::vector<Answer> every_failure() {
  return {failure(LookupResult::NoSuchName), failure(LookupResult::NoData),
          failure(LookupResult::TimedOut), failure(LookupResult::Failed)};
}

// Names "pbx" without and "port" with a port, and a name server that the test speaks for.
class LookupsTest : public testing::Test {
 protected:
  void ask_for(std::vector<HostName> names) { lookups_->set_names(std::move(names)); }
  void ask_for_port() { ask_for({{.host = "port", .port = 5070}}); }
  void ask_for_service() { ask_for({{.host = "pbx", .port = {}}}); }

  void answer(const std::string& host, RecordType type, Answer answer) {
    lookups_->on_answer({host, type}, std::move(answer), now_);
  }
  void answer_hosts(const std::string& host, const Answer& v4, const Answer& v6 = kNone) {
    answer(host, RecordType::A, v4);
    answer(host, RecordType::Aaaa, v6);
  }
  void answer_service(Answer records) {
    answer("_sip._udp.pbx", RecordType::Srv, std::move(records));
  }

  std::vector<Question> take_all() {
    std::vector<Question> questions;
    while (auto question = lookups_->take_due(now_)) questions.push_back(*question);
    return questions;
  }
  // Where the first name leads.
  std::vector<SockAddress> led_to() {
    std::vector<SockAddress> found;
    for (const NamedAddress& each : lookups_->addresses(0).value_or(std::vector<NamedAddress>{})) {
      found.push_back(each.address);
    }
    return found;
  }

  [[nodiscard]] Instant oldest_answer() const {
    return Instant(Duration(lookups_->counters().oldest_answer_ns.value()));
  }

  Instant now_{hours(1)};
  std::optional<Lookups> lookups_{std::in_place};
};

TEST_F(LookupsTest, AsksNothingWithoutNames) {
  EXPECT_THAT(take_all(), IsEmpty());
  EXPECT_EQ(lookups_->next_due(), Instant::max());
}

TEST_F(LookupsTest, AsksForAddressesOfANameWithPort) {
  ask_for_port();
  EXPECT_THAT(take_all(), UnorderedElementsAre(Question{"port", RecordType::A},
                                               Question{"port", RecordType::Aaaa}));
  EXPECT_THAT(led_to(), IsEmpty());
  answer_hosts("port", addresses({"10.0.0.1"}), addresses({"2001:db8::1"}));
  EXPECT_THAT(led_to(), ElementsAre(at("10.0.0.1:5070"), at("[2001:db8::1]:5070")));
}

TEST_F(LookupsTest, AsksForTheServiceOfEachTransport) {
  ask_for({{.host = "a", .port = {}, .transport = sip::Transport::Udp},
           {.host = "a", .port = {}, .transport = sip::Transport::Tcp},
           {.host = "a", .port = {}, .transport = sip::Transport::Tls}});
  EXPECT_THAT(take_all(), UnorderedElementsAre(Question{"_sip._udp.a", RecordType::Srv},
                                               Question{"_sip._tcp.a", RecordType::Srv},
                                               Question{"_sips._tcp.a", RecordType::Srv}));
}

TEST_F(LookupsTest, TakesTheAddressesOfANameWithoutService) {
  for (const Answer& none : every_failure()) {
    lookups_.emplace();
    ask_for_service();
    answer_service(none);
    answer_hosts("pbx", addresses({"10.0.0.1"}));
    EXPECT_THAT(led_to(), ElementsAre(at("10.0.0.1:5060"))) << name(none.result);
  }
}

TEST_F(LookupsTest, TakesTheDefaultPortOfTheTransport) {
  ask_for({{.host = "a", .port = {}, .transport = sip::Transport::Tls}});
  answer("_sips._tcp.a", RecordType::Srv, kNone);
  answer_hosts("a", addresses({"10.0.0.1"}));
  EXPECT_THAT(led_to(), ElementsAre(at("10.0.0.1:5061")));
}

TEST_F(LookupsTest, RanksTargetsByPriorityAndSharesByWeight) {
  ask_for_service();
  answer_service(targets({{.priority = 20, .weight = 0, .port = 5090, .target = "c."},
                          {.priority = 10, .weight = 1, .port = 5070, .target = "a."},
                          {.priority = 10, .weight = 4, .port = 5080, .target = "b."},
                          {.priority = 10, .weight = 0, .port = 5085, .target = "b."}}));
  answer_hosts("a.", addresses({"10.0.0.1"}));
  answer_hosts("b.", addresses({"10.0.0.2"}));
  EXPECT_FALSE(lookups_->addresses(0)) << "the third target is not known yet";
  answer_hosts("c.", addresses({"10.0.0.3"}));
  EXPECT_THAT(lookups_->addresses(0).value(),
              UnorderedElementsAre(NamedAddress{at("10.0.0.2:5080"), 0, kFullShare},
                                   NamedAddress{at("10.0.0.1:5070"), 0, kFullShare / 4},
                                   NamedAddress{at("10.0.0.2:5085"), 0, 1},
                                   NamedAddress{at("10.0.0.3:5090"), 1, kFullShare}));
}

TEST_F(LookupsTest, FollowsTheBestTargetsOnly) {
  ask_for_service();
  std::vector<SrvRecord> records;
  for (uint16_t i = 0; i < kTargetsMax + 2; ++i) {
    const auto priority = static_cast<uint16_t>(kTargetsMax + 2 - i);
    records.push_back({.priority = priority, .port = 5060, .target = std::to_string(priority)});
  }
  answer_service(targets(records));
  const auto questions = take_all();
  EXPECT_EQ(questions.size(), 2 * kTargetsMax);
  EXPECT_EQ(std::count(questions.begin(), questions.end(), Question{"1", RecordType::A}), 1);
  EXPECT_EQ(lookups_->counters().targets_ignored.value(), 2u);
}

TEST_F(LookupsTest, KeepsAnswersWhenAllElseFails) {
  for (const Answer& failed : every_failure()) {
    lookups_.emplace();
    ask_for_service();
    answer_service(targets({{.port = 5070, .target = "a."}}));
    answer_hosts("a.", addresses({"10.0.0.1"}), addresses({"2001:db8::1"}));
    const auto before = led_to();
    ASSERT_EQ(before.size(), 2u);
    answer_service(failed);
    EXPECT_EQ(led_to(), before) << name(failed.result);
    answer_hosts("a.", failed, failed);
    answer_hosts("pbx", failed, failed);
    EXPECT_EQ(led_to(), before) << name(failed.result);
  }
}

TEST_F(LookupsTest, BelievesThatThereIsNoneWhileSomethingElseAnswers) {
  ask_for_port();
  answer_hosts("port", addresses({"10.0.0.1"}), addresses({"2001:db8::1"}));
  answer("port", RecordType::A, kNone);
  EXPECT_THAT(led_to(), ElementsAre(at("[2001:db8::1]:5070")));
  answer("port", RecordType::A, failure());
  EXPECT_THAT(led_to(), ElementsAre(at("[2001:db8::1]:5070"))) << "a failure says nothing new";
}

TEST_F(LookupsTest, KeepsAFamilyWhoseLookupFails) {
  ask_for_port();
  answer_hosts("port", addresses({"10.0.0.1"}), addresses({"2001:db8::1"}));
  answer("port", RecordType::A, failure());
  EXPECT_EQ(led_to().size(), 2u);
}

TEST_F(LookupsTest, FallsBackToAddressesWhenTheServiceIsTakenAway) {
  ask_for_service();
  answer_service(targets({{.port = 5070, .target = "a."}}));
  answer_hosts("a.", addresses({"10.0.0.1"}));
  answer_service(kNone);
  EXPECT_THAT(led_to(), ElementsAre(at("10.0.0.1:5070"))) << "nothing better is known yet";
  answer_hosts("pbx", addresses({"10.0.0.2"}));
  EXPECT_THAT(led_to(), ElementsAre(at("10.0.0.2:5060")));
}

TEST_F(LookupsTest, AsksAgainWhenTheAnswerRunsOut) {
  const struct {
    const char* description;
    seconds ttl;
    seconds expected;
  } cases[] = {{"as told", seconds(30), seconds(30)},
               {"no time at all", seconds(0), kTtlMin},
               {"longer than we believe", hours(48), kTtlMax}};
  for (const auto& each : cases) {
    ask_for({});
    ask_for_port();
    ASSERT_EQ(take_all().size(), 2u);
    EXPECT_EQ(lookups_->next_due(), Instant::max()) << each.description;
    answer("port", RecordType::A, addresses({"10.0.0.1"}, each.ttl));
    EXPECT_EQ(lookups_->next_due(), now_ + each.expected) << each.description;
    now_ += each.expected - std::chrono::nanoseconds(1);
    EXPECT_THAT(take_all(), IsEmpty()) << each.description;
    now_ += std::chrono::nanoseconds(1);
    EXPECT_THAT(take_all(), ElementsAre(Question{"port", RecordType::A})) << each.description;
  }
}

TEST_F(LookupsTest, TriesAgainLaterAndLater) {
  ask_for_port();
  ASSERT_EQ(take_all().size(), 2u);
  for (const int delay : {1, 2, 4, 8, 16, 30, 30}) {
    answer("port", RecordType::A, failure());
    EXPECT_EQ(lookups_->next_due(), now_ + seconds(delay));
    now_ += seconds(delay);
    ASSERT_THAT(take_all(), ElementsAre(Question{"port", RecordType::A}));
  }
  answer("port", RecordType::A, addresses({"10.0.0.1"}));
  answer("port", RecordType::A, failure());
  EXPECT_EQ(lookups_->next_due(), now_ + kRetryMin);
}

TEST_F(LookupsTest, TakesFirstWhatHasBeenDueLongest) {
  ask_for_port();
  ASSERT_EQ(take_all().size(), 2u);
  answer_hosts("port", addresses({"10.0.0.1"}, seconds(20)),
               addresses({"2001:db8::1"}, seconds(10)));
  now_ += seconds(30);
  EXPECT_THAT(take_all(),
              ElementsAre(Question{"port", RecordType::Aaaa}, Question{"port", RecordType::A}));
}

TEST_F(LookupsTest, KeepsWhatIsKnownOfNamesThatStay) {
  ask_for_port();
  answer_hosts("port", addresses({"10.0.0.1"}));
  ask_for({{.host = "other", .port = 5060}, {.host = "port", .port = 5071}});
  EXPECT_FALSE(lookups_->addresses(0));
  EXPECT_EQ(lookups_->addresses(1).value(),
            (std::vector<NamedAddress>{{.address = at("10.0.0.1:5071")}}));
}

TEST_F(LookupsTest, IgnoresAnswersThatNobodyWaitsForAnyMore) {
  ask_for_port();
  ASSERT_EQ(take_all().size(), 2u);
  ask_for({});
  answer_hosts("port", addresses({"10.0.0.1"}));
  EXPECT_EQ(lookups_->next_due(), Instant::max());
  ask_for_port();
  EXPECT_THAT(led_to(), IsEmpty());
}

TEST_F(LookupsTest, CountsResultsAndNamesWithoutAddress) {
  ask_for({{.host = "a", .port = 5060}, {.host = "b", .port = 5060}});
  const LookupCounters& counters = lookups_->counters();
  EXPECT_EQ(counters.names_without_address.value(), 2u);
  EXPECT_EQ(counters.oldest_answer_ns.value(), 0u);
  const Instant first = now_;
  answer_hosts("a", addresses({"10.0.0.1"}));
  EXPECT_EQ(counters.names_without_address.value(), 1u);
  now_ += seconds(5);
  answer_hosts("b", failure(), addresses({"2001:db8::1"}));
  EXPECT_EQ(counters.names_without_address.value(), 0u);
  EXPECT_EQ(counters.results[LookupResult::Answered].value(), 2u);
  EXPECT_EQ(counters.results[LookupResult::NoData].value(), 1u);
  EXPECT_EQ(counters.results[LookupResult::Failed].value(), 1u);
  EXPECT_EQ(oldest_answer(), first);
  answer("a", RecordType::A, addresses({"10.0.0.1"}));
  EXPECT_EQ(oldest_answer(), now_);
}

TEST_F(LookupsTest, TellsTheAgeOfADeniedAnswerAsLongAsItIsInUse) {
  ask_for_port();
  const Instant first = now_;
  answer_hosts("port", addresses({"10.0.0.1"}));
  now_ += seconds(5);
  answer_hosts("port", failure(LookupResult::NoSuchName), failure(LookupResult::NoSuchName));
  EXPECT_EQ(oldest_answer(), first);
  answer("port", RecordType::Aaaa, addresses({"2001:db8::1"}));
  EXPECT_EQ(oldest_answer(), now_);
}

TEST_F(LookupsTest, TellsTheAgeOfADeniedServiceAsLongAsItIsInUse) {
  ask_for_service();
  const Instant first = now_;
  answer_service(targets({{.port = 5071, .target = "a"}}));
  now_ += seconds(5);
  answer_hosts("a", addresses({"10.0.0.1"}));
  answer_service(failure(LookupResult::NoSuchName));
  EXPECT_EQ(oldest_answer(), first);
  answer_hosts("pbx", addresses({"10.0.0.2"}));
  EXPECT_EQ(oldest_answer(), now_);
}

TEST_F(LookupsTest, SettlesWhenEachQuestionHasAResult) {
  EXPECT_TRUE(lookups_->is_settled());
  ask_for_service();
  EXPECT_FALSE(lookups_->is_settled());
  answer_service(targets({{.port = 5070, .target = "a."}}));
  EXPECT_FALSE(lookups_->is_settled()) << "its target is not known";
  answer("a.", RecordType::A, failure());
  EXPECT_FALSE(lookups_->is_settled());
  answer("a.", RecordType::Aaaa, failure());
  EXPECT_TRUE(lookups_->is_settled());
  answer_service(kNone);
  EXPECT_FALSE(lookups_->is_settled()) << "now the name itself is asked";
  answer_hosts("pbx", kNone);
  EXPECT_TRUE(lookups_->is_settled());
}

TEST_F(LookupsTest, TakesAsManyNamesAsItMay) {
  std::vector<HostName> names;
  for (size_t i = 0; i < kNamesMax; ++i) names.push_back({std::to_string(i), 5060});
  ask_for(names);
  EXPECT_EQ(take_all().size(), 2 * kNamesMax);
}

}  // namespace
}  // namespace siplb::app
