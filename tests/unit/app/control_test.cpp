#include "app/control.h"

#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlled_pool.h"
#include "support/tight_files.h"

namespace siplb::app {
namespace {

using balance::HealthReason;
using balance::HealthState;
using balance::OperatorState;
using testing::HasSubstr;
using testing::Not;

constexpr uint32_t kUid = 1000;

class ControlTest : public testing::Test {
 protected:
  void SetUp() override { pool_.start(); }

  Control::Views set_state(std::string_view server, OperatorState state, Force force = Force::No) {
    return pool_.control->change(
        {.group = "pbx", .server = server, .state = state, .force = force, .uid = kUid});
  }
  Control::Views set_weight(std::string_view server, uint32_t weight) {
    return pool_.control->change({.group = "pbx", .server = server, .weight = weight, .uid = kUid});
  }
  ServerView view(std::string_view server) {
    const auto views = pool_.control->server("pbx", server);
    EXPECT_TRUE(views && views->size() == 1);
    return views->front();
  }

  test::ControlledPool pool_;
};

void expect_refused(const Control::Views& views, Refusal::Kind kind) {
  ASSERT_FALSE(views.has_value());
  EXPECT_EQ(views.error().kind, kind) << views.error().text;
}

TEST_F(ControlTest, ShowsServersInTheOrderOfTheConfiguration) {
  const auto views = pool_.control->servers();
  ASSERT_EQ(views->size(), 2u);
  const ServerView& first = views->front();
  EXPECT_EQ(first.group + '/' + first.name, "pbx/s1");
  EXPECT_EQ(first.address, "127.0.0.1:5061");
  EXPECT_EQ(first.weight, 100u);
  EXPECT_EQ(first.health, HealthState::Unknown);
  EXPECT_EQ(first.health_age, std::nullopt);
  EXPECT_EQ(views->back().name, "s2");
}

TEST_F(ControlTest, ShowsWhatProberAndWorkersKnow) {
  pool_.set_health(1, HealthState::Down, HealthReason::Refused);
  pool_.calls->add_active(1);
  ASSERT_TRUE(pool_.calls->try_reserve(1, 0));
  pool_.load->on_begun(0, 1);
  pool_.transitions[1] = {{.health = HealthState::Down, .reason = HealthReason::Refused}};
  const ServerView shown = view("s2");
  EXPECT_EQ(shown.health, HealthState::Down);
  EXPECT_EQ(shown.reason, HealthReason::Refused);
  EXPECT_TRUE(shown.health_age.has_value());
  EXPECT_EQ(shown.calls, 1u);
  EXPECT_EQ(shown.reserved_calls, 1u);
  EXPECT_EQ(shown.inflight, 1u);
  EXPECT_EQ(shown.transitions.size(), 1u);
}

TEST_F(ControlTest, TellsTheProberOfAState) {
  const auto views = set_state("s1", OperatorState::Drain);
  ASSERT_TRUE(views.has_value());
  EXPECT_EQ(views->front().state, OperatorState::Drain);
  EXPECT_EQ(pool_.plan().targets[0].operator_state, OperatorState::Drain);
  EXPECT_EQ(pool_.plan().targets[1].operator_state, OperatorState::Ready);
  EXPECT_EQ(pool_.plan_count, 1);
  EXPECT_EQ(pool_.snapshot_count, 0);  // nothing in it has changed
}

TEST_F(ControlTest, TellsWorkersAndProberOfAWeight) {
  ASSERT_TRUE(set_weight("s1", 7));
  EXPECT_EQ(pool_.snapshot().topology.servers()[0].weight, 7u);
  EXPECT_EQ(pool_.snapshot().topology.servers()[1].weight, 100u);
  EXPECT_EQ(pool_.plan().targets[0].weight, 7u);
  EXPECT_EQ(pool_.snapshot_count, 1);
  EXPECT_EQ(pool_.plan_count, 1);
  EXPECT_EQ(view("s1").set_weight, 7u);
  EXPECT_EQ(view("s1").configured_weight, 100u);
}

TEST_F(ControlTest, ForgetsAWeightThatIsTheConfiguredOne) {
  ASSERT_TRUE(set_weight("s1", 7));
  ASSERT_TRUE(set_weight("s1", 100));
  EXPECT_EQ(view("s1").set_weight, std::nullopt);
  EXPECT_EQ(pool_.snapshot().topology.servers()[0].weight, 100u);
  EXPECT_TRUE(StateFile(pool_.state_file()).load().settings.empty());
}

TEST_F(ControlTest, DoesNothingWhereNothingChanges) {
  ASSERT_TRUE(set_state("s1", OperatorState::Ready));
  EXPECT_EQ(pool_.plan_count, 0);
  EXPECT_FALSE(std::filesystem::exists(pool_.state_file()));
}

TEST_F(ControlTest, KeepsSettingsOverARestart) {
  ASSERT_TRUE(set_state("s1", OperatorState::Maint));
  ASSERT_TRUE(set_weight("s2", 50));
  pool_.start();
  EXPECT_EQ(view("s1").state, OperatorState::Maint);
  EXPECT_EQ(view("s2").set_weight, 50u);
  EXPECT_EQ(pool_.snapshot().topology.servers()[1].weight, 50u);
  EXPECT_EQ(pool_.plan().targets[0].operator_state, OperatorState::Maint);
}

TEST_F(ControlTest, KnowsOnlyServersOfTheConfiguration) {
  expect_refused(set_state("s3", OperatorState::Drain), Refusal::Kind::NoSuchServer);
  expect_refused(pool_.control->server("pbx", "s3"), Refusal::Kind::NoSuchServer);
  expect_refused(pool_.control->server("trunk", "s1"), Refusal::Kind::NoSuchServer);
  EXPECT_EQ(pool_.plan_count, 0);
}

TEST_F(ControlTest, LeavesAGroupItsLastUsableServerUnlessForced) {
  ASSERT_TRUE(set_state("s1", OperatorState::Drain));
  expect_refused(set_state("s2", OperatorState::Drain), Refusal::Kind::LastUsable);
  expect_refused(set_state("s2", OperatorState::Maint), Refusal::Kind::LastUsable);
  expect_refused(set_weight("s2", 0), Refusal::Kind::LastUsable);
  EXPECT_TRUE(set_weight("s2", 1));
  EXPECT_TRUE(set_state("s2", OperatorState::Drain, Force::Yes));
  EXPECT_EQ(view("s2").state, OperatorState::Drain);
}

TEST_F(ControlTest, CountsNeitherTheDeadNorTheWeightlessAsUsable) {
  pool_.set_health(0, HealthState::Down);
  expect_refused(set_state("s2", OperatorState::Drain), Refusal::Kind::LastUsable);
  EXPECT_TRUE(set_state("s1", OperatorState::Maint));  // it is not in use anyway

  ASSERT_TRUE(set_state("s1", OperatorState::Ready));
  pool_.set_health(0, HealthState::Up);
  ASSERT_TRUE(set_weight("s1", 0));
  expect_refused(set_state("s2", OperatorState::Drain), Refusal::Kind::LastUsable);
}

TEST_F(ControlTest, ChangesNothingThatItCanNotKeep) {
  {
    const test::TightFiles full(4);
    const auto views = set_state("s1", OperatorState::Drain);
    expect_refused(views, Refusal::Kind::NotKept);
    EXPECT_EQ(views.error().text, "cannot write the state file: File too large (" +
                                      pool_.state_file() + "); nothing has changed");
  }
  EXPECT_EQ(view("s1").state, OperatorState::Ready);
  EXPECT_EQ(pool_.plan_count, 0);
  EXPECT_TRUE(set_state("s1", OperatorState::Drain));
}

TEST_F(ControlTest, LogsWhoHasChangedWhat) {
  ASSERT_TRUE(set_weight("s1", 7));
  EXPECT_THAT(pool_.logged.str(),
              HasSubstr("server set by operator group=pbx server=s1 state=ready "
                        "weight=7 uid=1000"));
}

TEST_F(ControlTest, StartsWithoutAStateFileThatItCanNotRead) {
  std::ofstream(pool_.state_file()) << "siplb-state 2\nend\n";
  pool_.start();
  EXPECT_EQ(view("s1").state, OperatorState::Ready);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("warning: state file ignored"));
}

TEST_F(ControlTest, DropsSettingsOfServersThatAreGone) {
  ASSERT_TRUE(StateFile(pool_.state_file())
                  .save({{"pbx/gone", {.state = OperatorState::Drain}},
                         {"pbx/s1", {.state = OperatorState::Drain}}}));
  pool_.start();
  EXPECT_EQ(view("s1").state, OperatorState::Drain);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("dropped server=pbx/gone"));
  EXPECT_THAT(pool_.logged.str(), Not(HasSubstr("dropped server=pbx/s1")));
  ASSERT_TRUE(set_weight("s2", 7));
  EXPECT_EQ(StateFile(pool_.state_file()).load().settings.count("pbx/gone"), 0u);
}

TEST_F(ControlTest, CountsNothingOfNamesWhereThereAreNone) {
  EXPECT_TRUE(pool_.control->name_counters().lookups.empty());
  EXPECT_EQ(pool_.control->name_counters().without_address, nullptr);
}

TEST_F(ControlTest, RefusesVerbsOnceItHasEnded) {
  pool_.control->stop();
  expect_refused(pool_.control->servers(), Refusal::Kind::Ending);
  expect_refused(set_state("s1", OperatorState::Drain), Refusal::Kind::Ending);
}

TEST_F(ControlTest, DoesVerbsOfManyThreadsOneByOne) {
  std::vector<std::thread> operators;
  for (uint32_t weight = 1; weight <= 8; ++weight) {
    operators.emplace_back([this, weight] { EXPECT_TRUE(set_weight("s1", weight)); });
  }
  for (std::thread& each : operators) each.join();
  EXPECT_EQ(pool_.snapshot_count, 8);
  EXPECT_EQ(StateFile(pool_.state_file()).load().settings["pbx/s1"].weight, view("s1").set_weight);
}

// Names that /etc/hosts answers for, or that nobody answers for.
TEST_F(ControlTest, TellsThatItDrainsBeforeAnybodyIsRefused) {
  using proxy::Admission;
  std::vector<std::pair<Admission, Admission>> told;  // and what workers went by
  pool_.on_admission = [&](Admission admission) {
    told.emplace_back(admission, pool_.control->snapshots().newest().admission);
  };
  for (const Admission wanted :
       {Admission::DialogsOnly, Admission::DialogsOnly, Admission::Everything}) {
    ASSERT_TRUE(pool_.control->admit({.admission = wanted}).has_value());
    EXPECT_EQ(pool_.snapshot().admission, wanted);
  }
  EXPECT_EQ(told, (decltype(told){{Admission::DialogsOnly, Admission::Everything},
                                  {Admission::Everything, Admission::DialogsOnly}}));
}

class NamedControlTest : public ControlTest {
 protected:
  void SetUp() override { start("localhost", 5070); }

  void start(std::string host, uint16_t port) {
    pool_.groups = {
        test::pbx({{.name = "s1", .host = std::move(host), .has_port = true, .port = port},
                   {.name = "s2", .address = test::on_loopback(5062)}})};
    auto resolver = Resolver::create({.nameservers = {nobody_}});
    ASSERT_TRUE(resolver.has_value());
    pool_.start(std::move(*resolver));
  }

  const SockAddress nobody_ = test::on_loopback(1);
};

TEST_F(NamedControlTest, HasTheAddressesOfANameFromTheStart) {
  const auto servers = pool_.snapshot().topology.servers();
  ASSERT_EQ(servers.size(), balance::kPlacesPerName + 1);
  EXPECT_EQ(servers[0].address, test::on_loopback(5070));
  EXPECT_EQ(servers[1].address, SockAddress());
  EXPECT_EQ(pool_.plan().targets[0].address, test::on_loopback(5070));
  EXPECT_EQ(pool_.snapshot_count, 0);
  EXPECT_EQ(pool_.control->server("pbx", "s1")->front().address, "127.0.0.1:5070");
  EXPECT_EQ(pool_.control->name_counters().without_address->value(), 0u);
}

TEST_F(NamedControlTest, PublishesAddressesThatComeAfterTheStart) {
  pool_.answers_wait = std::chrono::milliseconds(0);
  start("localhost", 5070);
  pool_.snapshot_count.wait(0);
  EXPECT_EQ(pool_.control->server("pbx", "s1")->front().address, "127.0.0.1:5070");
  EXPECT_EQ(pool_.snapshot().topology.servers()[0].address, test::on_loopback(5070));
  EXPECT_EQ(pool_.plan().targets[0].address, test::on_loopback(5070));
}

TEST_F(NamedControlTest, TellsWorkersOfANameThatTheyAskedFor) {
  auto names = RequestNames::create({.dns = {.nameservers = {nobody_}}});
  ASSERT_TRUE(names.has_value());
  pool_.request_names = std::move(*names);
  start("localhost", 5070);
  proxy::NameKey name{.host = {}, .port = 5060, .transport = {}};
  name.host.append("localhost");  // which the hosts file knows
  ASSERT_EQ(pool_.request_names->ask(name, Clock::now()), proxy::AskStatus::Asked);
  pool_.book_count.wait(0);
  EXPECT_EQ(pool_.request_names->books().look(0).count(name), 1U);
}

TEST_F(NamedControlTest, LeavesOutAnAddressThatIsOurOwn) {
  start("localhost", 5060);
  EXPECT_EQ(pool_.snapshot().topology.servers()[0].address, SockAddress());
  EXPECT_GE(pool_.control->name_counters().addresses_ignored->value(), 1u);
}

TEST_F(NamedControlTest, StartsWithoutTheAddressesOfANameThatNobodyKnows) {
  start("pbx.invalid", 5070);
  EXPECT_EQ(pool_.snapshot().topology.servers()[0].address, SockAddress());
  EXPECT_EQ(pool_.control->name_counters().without_address->value(), 1u);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("warning: name without address host=pbx.invalid"));
}

TEST_F(NamedControlTest, CountsEachResultOfALookup) {
  const auto lookups = pool_.control->name_counters().lookups;
  ASSERT_EQ(lookups.size(), static_cast<size_t>(LookupResult::kCount));
  EXPECT_EQ(lookups.front().result, "answered");
  EXPECT_GE(lookups.front().count.value(), 1u);
}

TEST_F(NamedControlTest, SetsAllPlacesOfANameAtOnce) {
  ASSERT_TRUE(set_state("s1", OperatorState::Drain));
  const auto views = pool_.control->server("pbx", "s1");
  for (const ServerView& each : *views) EXPECT_EQ(each.state, OperatorState::Drain) << each.name;
  EXPECT_EQ(view("s2").state, OperatorState::Ready);
  EXPECT_EQ(pool_.control->server("pbx", "s1/1")->front().state, OperatorState::Drain);
}

TEST_F(NamedControlTest, CanNotSetOnePlaceOfAName) {
  expect_refused(set_state("s1/1", OperatorState::Drain), Refusal::Kind::NoSuchServer);
}

}  // namespace
}  // namespace siplb::app
