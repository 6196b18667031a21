#include "proxy/target.h"

#include <set>
#include <string_view>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class TargetTest : public LaneTest {
 protected:
  Request request_of(const SipBuilder& builder) {
    const sip::Message& message = scanned(builder.str());
    return {.message = message,
            .source = from_client(),
            .tick = kTick,
            .sender = {},
            .routes = {},
            .from_tag_hash = snapshot_.seal.tag_hash(message.from_tag)};
  }
  static SipBuilder invite(int call) {
    return SipBuilder::request().call_id("call-" + std::to_string(call));
  }
  static RouteOptions route_to(balance::GroupIndex group) { return {.group = group}; }
  static TargetChooser::Chosen choose(TargetChooser& chooser, const Request& request,
                                      balance::GroupIndex group, Target& out) {
    return chooser.choose(request, group, chooser.key_hash(request, route_to(group)), out);
  }
  static TargetChooser chooser_in(test::Surroundings& around, balance::AffinityTable& affinity,
                                  uint64_t seed = 0) {
    return TargetChooser(seed, around.outlook, {affinity, around.load, around.calls});
  }
  std::string_view name(const Target& target) {
    return snapshot_.topology.servers()[target.server].name;
  }

  balance::AffinityTable affinity_{calls_, others_, {}, counters_.affinity};
  TargetChooser chooser_ = chooser_in(*around_, affinity_);
};

TEST_F(TargetTest, RoundRobinTakesTurnsButARepeatStays) {
  Target first;
  Target repeated;
  Target second;
  EXPECT_EQ(choose(chooser_, request_of(invite(1)), kVoicemail, first),
            TargetChooser::Chosen::Remembered);
  EXPECT_EQ(choose(chooser_, request_of(invite(1)), kVoicemail, repeated),
            TargetChooser::Chosen::Remembered);
  EXPECT_EQ(choose(chooser_, request_of(invite(2)), kVoicemail, second),
            TargetChooser::Chosen::Remembered);
  EXPECT_EQ(name(first), name(repeated));
  EXPECT_NE(name(first), name(second));
}

TEST_F(TargetTest, LanesBeginTheirTurnsHereAndThere) {
  std::set<std::string_view> first;
  for (uint64_t lane = 1; lane <= 16; ++lane) {
    TargetChooser chooser = chooser_in(*around_, affinity_, lane);
    Target target;
    static_cast<void>(
        choose(chooser, request_of(invite(static_cast<int>(lane))), kVoicemail, target));
    first.insert(name(target));
  }
  EXPECT_EQ(first.size(), 2U);
}

TEST_F(TargetTest, AnEntryOfAnotherGroupDoesNotBind) {
  Target in_pbx;
  Target in_voicemail;
  static_cast<void>(choose(chooser_, request_of(invite(1)), kPbx, in_pbx));
  static_cast<void>(choose(chooser_, request_of(invite(1)), kVoicemail, in_voicemail));
  EXPECT_TRUE(name(in_voicemail).starts_with("v"));
}

TEST_F(TargetTest, AffinityIsForTheSameFromTagOnly) {
  Target target;
  static_cast<void>(choose(chooser_, request_of(invite(1)), kPbx, target));
  EXPECT_EQ(chooser_.find_affine(request_of(invite(1)), target), TargetChooser::Affine::Found);
  EXPECT_EQ(chooser_.find_affine(request_of(invite(1).from("<sip:eve@evil>;tag=x")), target),
            TargetChooser::Affine::Nothing);
  EXPECT_EQ(chooser_.find_affine(request_of(invite(2)), target), TargetChooser::Affine::Nothing);
}

TEST_F(TargetTest, ACallThatIsKeptAliveKeepsItsEntry) {
  Request request = request_of(invite(1));
  Target target;
  static_cast<void>(choose(chooser_, request, kPbx, target));
  const Duration life = balance::AffinityOptions{}.call_life;
  request.tick.now += life - std::chrono::minutes(1);
  Request from_callee = request;
  from_callee.sender.affinity_group = 1;
  // By either end: a request of the callee's comes from a server.
  chooser_.keep_alive(from_callee, {.is_server = false});
  request.tick.now += life - std::chrono::minutes(1);
  EXPECT_EQ(chooser_.find_affine(request, target), TargetChooser::Affine::Found);
}

TEST_F(TargetTest, OnlyAHashPolicyHasAFirstChoice) {
  EXPECT_TRUE(chooser_.first_choice(request_of(invite(1)), route_to(kPbx)).has_value());
  EXPECT_FALSE(chooser_.first_choice(request_of(invite(1)), route_to(kVoicemail)).has_value());
}

TEST_F(TargetTest, TheKeyIsTheRoutesElseTheGroups) {
  RouteOptions by_user = route_to(kPbx);
  by_user.hash_key = {.kind = balance::HashKeyKind::FromUser};
  const uint64_t of_user = chooser_.key_hash(request_of(invite(1)), by_user);
  EXPECT_EQ(chooser_.key_hash(request_of(invite(2)), by_user), of_user);
  const uint64_t of_call = chooser_.key_hash(request_of(invite(1)), route_to(kPbx));
  EXPECT_NE(of_call, of_user);
  EXPECT_NE(chooser_.key_hash(request_of(invite(2)), route_to(kPbx)), of_call);
}

TEST_F(TargetTest, APlaceIsAServersElseAmongTheTargetsOfAGroup) {
  auto input = two_groups();
  input.groups[kVoicemail].targets = {*Network::parse("10.9.0.0/16"),
                                      *Network::parse("2001:db8::/32")};
  const Snapshot wider = test::make_snapshot(input);
  test::Surroundings around(wider);
  const TargetChooser chooser = chooser_in(around, affinity_);

  const auto servers = chooser.find_place({address_of("10.0.2.2:5090"), {}});
  ASSERT_TRUE(servers.has_value());
  EXPECT_EQ(servers->group, kPbx);
  EXPECT_EQ(name(servers->target), "s2");
  EXPECT_EQ(servers->target.to, from_server("10.0.2.2:5090"));

  const auto target = chooser.find_place({address_of("10.9.0.1:5070"), {}});
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->group, kVoicemail);
  EXPECT_EQ(target->target.server, balance::kNoServer);
  EXPECT_EQ(target->target.to, from_server("10.9.0.1:5070"));

  EXPECT_FALSE(chooser.find_place({address_of("192.0.2.1:5060"), {}}).has_value());
  // No listener of ours speaks IPv6.
  EXPECT_FALSE(chooser.find_place({address_of("[2001:db8::1]:5060"), {}}).has_value());
}

TEST_F(TargetTest, LearnsFromAnAnswerOnlyWhatItDoesNotKnow) {
  const Request request = request_of(invite(1));
  TargetChooser::Answer answer{.call_id = request.message.call_id,
                               .from_tag = request.message.from_tag,
                               .method = sip::Method::Invite};
  answer.target = chooser_.target_of(1);
  chooser_.learn(answer, kTick.now);
  answer.target = chooser_.target_of(0);
  chooser_.learn(answer, kTick.now);
  Target target;
  ASSERT_EQ(chooser_.find_affine(request, target), TargetChooser::Affine::Found);
  EXPECT_EQ(target.server, 1);
}

TEST_F(TargetTest, WithoutATableItChoosesButDoesNotRemember) {
  balance::AffinityTable none({}, {}, {}, counters_.affinity);
  TargetChooser chooser = chooser_in(*around_, none);
  Target target;
  EXPECT_EQ(choose(chooser, request_of(invite(1)), kPbx, target), TargetChooser::Chosen::Loose);
  EXPECT_TRUE(name(target).starts_with("s"));
}

TEST_F(TargetTest, ALiveCallIsNotTakenOverByAnotherFromTag) {
  const auto eve = invite(1).from("<sip:eve@example.org>;tag=x");
  Target hers;
  Target target;
  static_cast<void>(choose(chooser_, request_of(invite(1)), kVoicemail, target));
  EXPECT_EQ(choose(chooser_, request_of(eve), kVoicemail, hers), TargetChooser::Chosen::Loose);
  EXPECT_NE(name(hers), name(target));
  EXPECT_EQ(chooser_.find_affine(request_of(eve), hers), TargetChooser::Affine::Nothing);
  EXPECT_EQ(chooser_.find_affine(request_of(invite(1)), hers), TargetChooser::Affine::Found);
  EXPECT_EQ(name(hers), name(target));
}

TEST_F(TargetTest, KnowsThatTheServerOfACallIsGone) {
  Target target;
  static_cast<void>(choose(chooser_, request_of(invite(1)), kVoicemail, target));
  auto input = two_groups();
  for (balance::GroupOptions& group : input.groups) {
    for (balance::ServerOptions& server : group.servers) server.name += "-renamed";
  }
  const Snapshot renamed = test::make_snapshot(input);
  test::Surroundings around(renamed);
  TargetChooser later = chooser_in(around, affinity_);
  EXPECT_EQ(later.find_affine(request_of(invite(1)), target), TargetChooser::Affine::Gone);
  EXPECT_EQ(choose(later, request_of(invite(1)), kVoicemail, target),
            TargetChooser::Chosen::Remembered);
  EXPECT_EQ(later.find_affine(request_of(invite(1)), target), TargetChooser::Affine::Found);
}

// Nothing is remembered, so that each call is a draw.
TEST_F(TargetTest, RandomDrawsInTheSharesOfTheServers) {
  auto input = two_groups();
  input.groups[kPbx].policy = balance::Policy::Random;
  input.groups[kPbx].servers[0].weight = 300;
  const Snapshot drawn = test::make_snapshot(input);
  balance::AffinityTable none({}, {}, {}, counters_.affinity);
  test::Surroundings around(drawn);
  TargetChooser chooser = chooser_in(around, none);
  TargetChooser next_lane = chooser_in(around, none, 1);
  constexpr int kCalls = 400;
  int of_first = 0;
  int alike = 0;
  for (int call = 0; call < kCalls; ++call) {
    Target target;
    Target other;
    static_cast<void>(choose(chooser, request_of(invite(call)), kPbx, target));
    static_cast<void>(choose(next_lane, request_of(invite(call)), kPbx, other));
    of_first += target.server == 0 ? 1 : 0;
    alike += target.server == other.server ? 1 : 0;
  }
  EXPECT_NEAR(of_first, 300, 40);
  EXPECT_LT(alike, kCalls);
}

TEST_F(TargetTest, TheNextIsSomebodyWhoWasNotTried) {
  for (const balance::GroupIndex group : {kPbx, kVoicemail}) {
    const balance::ServerIndex first = snapshot_.topology.groups()[group].servers.front();
    for (const balance::ServerIndex tried : {first, static_cast<balance::ServerIndex>(first + 1)}) {
      const auto next =
          chooser_.choose_next({.group = group, .key_hash = 1, .tried = {&tried, 1}}, kTick.now);
      ASSERT_TRUE(next.has_value());
      EXPECT_EQ(next->server, 2 * first + 1 - tried);
      EXPECT_EQ(next->to.remote, snapshot_.topology.servers()[next->server].address);
    }
  }
}

TEST_F(TargetTest, NobodyIsNextWhereAllWereTried) {
  const balance::ServerIndex tried[] = {1, 0};
  EXPECT_FALSE(
      chooser_.choose_next({.group = kPbx, .key_hash = 1, .tried = tried}, kTick.now).has_value());
}

TEST_F(TargetTest, FollowsACallThatWentOn) {
  const Request request = request_of(invite(1));
  Target target;
  static_cast<void>(choose(chooser_, request, kPbx, target));
  TargetChooser::Move move{.call = chooser_.call_of(request),
                           .server = static_cast<balance::ServerIndex>(1 - target.server),
                           .attempt = 1};
  chooser_.follow(move, kTick.now);
  ASSERT_EQ(chooser_.find_affine(request, target), TargetChooser::Affine::Found);
  EXPECT_EQ(target.server, move.server);
  EXPECT_EQ(target.attempt, 1);
}

TEST_F(TargetTest, DoesNotFollowInAnothersCall) {
  const Request request = request_of(invite(1));
  Target target;
  static_cast<void>(choose(chooser_, request, kPbx, target));
  const balance::ServerIndex before = target.server;
  TargetChooser::Call anothers = chooser_.call_of(request);
  ++anothers.from_tag_hash;
  chooser_.follow(
      {.call = anothers, .server = static_cast<balance::ServerIndex>(1 - before), .attempt = 1},
      kTick.now);
  ASSERT_EQ(chooser_.find_affine(request, target), TargetChooser::Affine::Found);
  EXPECT_EQ(target.server, before);
  EXPECT_EQ(target.attempt, 0);
}

}  // namespace
}  // namespace siplb::proxy
