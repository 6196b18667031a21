#include "load/caller.h"

#include <set>

#include <gtest/gtest.h>

#include "fake_network.h"

namespace siplb::load::test {
namespace {

TEST(CallerTest, CompletesACallInSixMessages) {
  LoadRig rig;
  rig.run();
  ASSERT_EQ(rig.log.size(), 6U);
  const char* kinds[] = {"INVITE", "180", "200", "ACK", "BYE", "200"};
  for (size_t i = 0; i < rig.log.size(); ++i) EXPECT_EQ(rig.log[i].kind(), kinds[i]);
  EXPECT_EQ(rig.stats().succeeded, 1U);
  EXPECT_TRUE(rig.stats().all_well());
  EXPECT_TRUE(rig.caller->is_done(rig.now));
}

TEST(CallerTest, KeepsItsWindowFullUntilTheLastCall) {
  LoadRig rig;
  rig.caller_options.pace = {.window = 4, .calls_max = 100};
  rig.caller_options.hold = 1s;
  rig.run_until(rig.now + 500ms);
  EXPECT_EQ(rig.stats().in_flight(), 4U);
  rig.run();
  EXPECT_EQ(rig.stats().succeeded, 100U);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, CountsCallsThatFindNoSlotAsNotStarted) {
  LoadRig rig;
  rig.caller_options.pace = {.rate = 10, .calls_max = 20};
  rig.caller_options.hold = 1h;
  rig.caller_options.calls_max = 5;
  rig.run_until(rig.now + 3s);
  EXPECT_EQ(rig.stats().started, 5U);
  EXPECT_EQ(rig.stats().not_started, 15U);
  EXPECT_FALSE(rig.stats().all_well());
}

TEST(CallerTest, GivesFreedSlotsToNewCalls) {
  LoadRig rig;
  rig.caller_options.calls_max = 1;
  rig.caller_options.pace = {.window = 1, .calls_max = 50};
  rig.run();
  EXPECT_EQ(rig.stats().succeeded, 50U);
}

TEST(CallerTest, RetransmitsALostInviteAfterOneT1) {
  LoadRig rig;
  rig.rule = lose_first("INVITE", 1);
  const Instant start = rig.now;
  rig.run();
  EXPECT_EQ(rig.stats().succeeded, 1U);
  EXPECT_EQ(rig.stats().retransmissions, 1U);
  EXPECT_EQ(rig.log[0].octets, rig.log[1].octets) << "a retransmission is the same octets";
  EXPECT_GE(rig.stats().setup.quantile(1), static_cast<uint64_t>(490'000'000));
  EXPECT_GE(rig.now - start, 500ms);
}

TEST(CallerTest, GivesUpAnInviteAfterSixtyFourT1AndSevenSendings) {
  LoadRig rig;
  rig.answerer_options.servers[0].faults.silent = true;
  const Instant start = rig.now;
  rig.run();
  EXPECT_EQ(rig.now - start, 32s);
  EXPECT_EQ(rig.sent("INVITE"), 7U);  // At 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
  EXPECT_EQ(rig.stats().timeouts, 1U);
  EXPECT_FALSE(rig.stats().all_well());
}

TEST(CallerTest, SpacesOtherRequestsByT2AtMost) {
  LoadRig rig;
  rig.caller_options.work = Work::Options;
  rig.answerer_options.servers[0].faults.silent = true;
  rig.run();
  EXPECT_EQ(rig.sent("OPTIONS"), 11U);  // Timer E: 0.5, 1.5, 3.5 s, then each 4 s up to 31.5 s.
  EXPECT_EQ(rig.stats().timeouts, 1U);
}

TEST(CallerTest, SendsNoInviteAgainOnceItRings) {
  LoadRig rig;
  rig.answerer_options.ring = 10s;
  rig.run();
  EXPECT_EQ(rig.sent("INVITE"), 1U);
  EXPECT_EQ(rig.stats().succeeded, 1U);
}

TEST(CallerTest, RetransmitsALostBye) {
  LoadRig rig;
  rig.rule = lose_first("BYE", 2);
  rig.run();
  EXPECT_EQ(rig.sent("BYE"), 3U);
  EXPECT_EQ(rig.stats().retransmissions, 2U);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, AcknowledgesARepeatedAnswer) {
  LoadRig rig;
  rig.caller_options.hold = 2s;
  rig.rule = lose_first("ACK", 1);
  rig.run();
  EXPECT_EQ(rig.sent("ACK"), 2U);
  EXPECT_EQ(rig.stats().repeated_answers, 1U);
  EXPECT_EQ(rig.server_stats().retransmissions, 1U);
  EXPECT_EQ(rig.server_stats().unacknowledged, 0U);
  EXPECT_TRUE(rig.stats().all_well());
}

// The value of a letter's parameter or header, up to its end.
std::string part(const Letter& letter, std::string_view before, std::string_view ends) {
  const size_t begin = letter.octets.find(before) + before.size();
  return letter.octets.substr(begin, letter.octets.find_first_of(ends, begin) - begin);
}
std::string branch(const Letter& letter) {
  return part(letter, "branch=", ";\r");
}
std::string to(const Letter& letter) {
  return part(letter, "To: ", "\r");
}

// The 200 to the INVITE, with another To tag: as from a phone that rang as well.
Letter other_answer(const LoadRig& rig, char digit) {
  for (Letter letter : rig.log) {
    if (letter.kind() != "200" || letter.octets.find("INVITE") == std::string::npos) continue;
    const size_t end = letter.octets.find("\r", letter.octets.find("To: "));
    letter.octets[end - 1] = digit;
    return letter;
  }
  ADD_FAILURE() << "no 200 to an INVITE";
  return {};
}

TEST(CallerTest, ReleasesTheDialogOfASecondAnswerAndKeepsItsOwn) {
  LoadRig rig;
  rig.caller_options.hold = 60s;
  rig.run_until(rig.now + 1s);
  const Letter second = other_answer(rig, 'x');
  rig.inject(second);
  rig.run_until(rig.now + 1s);
  EXPECT_EQ(rig.stats().duplicate_2xx, 1U);
  ASSERT_EQ(rig.log.size(), 8U);  // INVITE, 180, 200, ACK; 200, ACK, BYE, 200
  EXPECT_EQ(rig.log[5].kind(), "ACK");
  EXPECT_EQ(rig.log[6].kind(), "BYE");
  EXPECT_EQ(to(rig.log[5]), to(second));
  EXPECT_EQ(to(rig.log[6]), to(second));
  EXPECT_NE(branch(rig.log[5]), branch(rig.log[3])) << "another transaction";
  EXPECT_EQ(rig.stats().in_flight(), 1U);
  rig.run();
  EXPECT_NE(to(rig.log[8]), to(second)) << "the BYE of the call itself";
  EXPECT_NE(branch(rig.log[8]), branch(rig.log[6]));
  EXPECT_TRUE(rig.stats().all_well());
  EXPECT_EQ(rig.stats().unreleased, 0U);
}

TEST(CallerTest, CountsAReleasedDialogOnceHoweverOftenItsAnswerComes) {
  LoadRig rig;
  rig.caller_options.hold = 60s;
  rig.run_until(rig.now + 1s);
  const Letter second = other_answer(rig, 'x');
  for (int i = 0; i < 3; ++i) rig.inject(second);
  rig.run_until(rig.now + 1s);
  EXPECT_EQ(rig.sent("ACK"), 4U);
  EXPECT_EQ(rig.sent("BYE"), 1U);
  EXPECT_EQ(rig.stats().duplicate_2xx, 1U);
  EXPECT_EQ(rig.stats().repeated_answers, 2U);
}

TEST(CallerTest, ReleasesASecondAnswerAlsoWhenTheCallIsOver) {
  LoadRig rig;
  rig.run();
  rig.inject(other_answer(rig, 'x'));
  rig.run();
  EXPECT_EQ(rig.stats().duplicate_2xx, 1U);
  EXPECT_EQ(rig.sent("BYE"), 2U);
  EXPECT_TRUE(rig.caller->is_done(rig.now));
}

TEST(CallerTest, RepeatsTheByeOfAReleaseAndCountsItWhereNobodyAnswers) {
  LoadRig rig;
  rig.caller_options.hold = 60s;
  rig.run_until(rig.now + 1s);
  rig.rule = lose_first("BYE", 11);
  rig.inject(other_answer(rig, 'x'));
  rig.run_until(rig.now + 40s);
  EXPECT_EQ(rig.sent("BYE"), 11U);
  EXPECT_EQ(rig.stats().unreleased, 1U);
  EXPECT_EQ(rig.stats().timeouts, 0U);
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, LeavesASecondAnswerUnacknowledgedUntilThereIsASlotToReleaseIt) {
  LoadRig rig;
  rig.caller_options.hold = 10min;
  rig.run_until(rig.now + 1s);
  const Letter first = other_answer(rig, 'x');
  const size_t digits = first.octets.find("\r", first.octets.find("To: ")) - 8;
  rig.rule = [](Letter& letter) {  // No BYE is answered, so no slot becomes free.
    return letter.kind() == "BYE" ? Fate::Lose : Fate::Deliver;
  };
  Letter letter = first;
  for (uint32_t i = 0; i <= Caller::kReleasesMax; ++i) {
    letter.octets.replace(digits, 8, hex(i).view());
    rig.inject(letter);
  }
  rig.run_until(rig.now + 1ms);
  EXPECT_EQ(rig.stats().duplicate_2xx, Caller::kReleasesMax);
  EXPECT_EQ(rig.sent("ACK"), 1 + Caller::kReleasesMax);
  rig.run_until(rig.now + 33s);  // All BYEs are given up.
  EXPECT_EQ(rig.stats().unreleased, Caller::kReleasesMax);
  rig.inject(letter);
  rig.run_until(rig.now + 1ms);
  EXPECT_EQ(rig.stats().duplicate_2xx, 1 + Caller::kReleasesMax);
}

TEST(CallerTest, ReleasesAnAnswerThatComesWhenTheCallWasGivenUp) {
  LoadRig rig;
  rig.answerer_options.ring = 40s;
  rig.run_until(rig.now + 33s);
  ASSERT_EQ(rig.stats().timeouts, 1U);
  rig.run();
  EXPECT_EQ(rig.stats().late_2xx, 1U);
  EXPECT_EQ(rig.sent("ACK"), 1U);
  EXPECT_EQ(rig.sent("BYE"), 1U);
  EXPECT_EQ(rig.stats().succeeded, 0U);
}

TEST(CallerTest, CancelsACallThatRingsAndAcknowledgesIts487) {
  LoadRig rig;
  rig.answerer_options.ring = 30s;
  rig.caller_options.cancel_share = 1;
  rig.run_until(rig.now + 1s);
  ASSERT_EQ(rig.log.size(), 6U);
  const char* kinds[] = {"INVITE", "180", "CANCEL", "200", "487", "ACK"};
  for (size_t i = 0; i < rig.log.size(); ++i) EXPECT_EQ(rig.log[i].kind(), kinds[i]);
  EXPECT_EQ(branch(rig.log[2]), branch(rig.log[0]));
  EXPECT_EQ(to(rig.log[2]), to(rig.log[0])) << "without a tag (9.1)";
  EXPECT_EQ(rig.stats().cancelled, 1U);
  EXPECT_TRUE(rig.stats().all_well());
  EXPECT_TRUE(rig.caller->is_done(rig.now));
}

TEST(CallerTest, CancelsAsLongAfterTheFirstProvisionalAsAsked) {
  LoadRig rig;
  rig.answerer_options.ring = 30s;
  rig.caller_options.cancel_share = 1;
  rig.caller_options.cancel_after = 2s;
  rig.run_until(rig.now + 1s);
  rig.inject(rig.log[1]);  // A second 180 puts nothing off.
  rig.run_until(rig.now + 990ms);
  EXPECT_EQ(rig.sent("CANCEL"), 0U);
  rig.run_until(rig.now + 20ms);
  EXPECT_EQ(rig.sent("CANCEL"), 1U);
  EXPECT_EQ(rig.stats().cancelled, 1U);
}

TEST(CallerTest, CancelsNothingBeforeAProvisionalOrAfterTheAnswer) {
  LoadRig rig;
  rig.caller_options.cancel_share = 1;
  rig.answerer_options.ring.reset();  // Answered at once, without a 180.
  rig.run();
  EXPECT_EQ(rig.sent("CANCEL"), 0U);
  EXPECT_EQ(rig.stats().cancelled + rig.stats().cancelled_too_late, 0U);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, HangsUpWhereTheAnswerWasFasterThanTheCancel) {
  LoadRig rig;
  rig.caller_options.cancel_share = 1;
  rig.caller_options.hold = 1h;
  rig.run_until(rig.now + 1s);  // 180 and 200 come together.
  EXPECT_EQ(rig.sent("CANCEL"), 1U);
  EXPECT_EQ(rig.sent("BYE"), 1U);
  EXPECT_EQ(rig.stats().cancelled_too_late, 1U);
  EXPECT_EQ(rig.stats().cancelled, 0U);
  EXPECT_EQ(rig.stats().strays, 0U) << "the answer to the CANCEL has its call";
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, RepeatsALostCancelUntilItIsAnswered) {
  LoadRig rig;
  rig.answerer_options.ring = 30s;
  rig.caller_options.cancel_share = 1;
  rig.rule = lose_first("CANCEL", 2);
  rig.run_until(rig.now + 10s);
  EXPECT_EQ(rig.sent("CANCEL"), 3U);  // At 0, 0.5 and 1.5 s.
  EXPECT_EQ(rig.stats().retransmissions, 2U);
  EXPECT_EQ(rig.stats().cancelled, 1U);
}

TEST(CallerTest, GivesUpACancelledCallThatNeverEnds) {
  LoadRig rig;
  rig.answerer_options.ring = 2h;
  rig.caller_options.cancel_share = 1;
  rig.rule = [](Letter& letter) { return letter.kind() == "487" ? Fate::Lose : Fate::Deliver; };
  const Instant start = rig.now;
  rig.run();
  EXPECT_EQ(rig.sent("CANCEL"), 1U);
  EXPECT_EQ(rig.stats().timeouts, 1U);
  EXPECT_EQ(rig.now - start, 32s) << "64 * T1 from the CANCEL (9.1)";
}

TEST(CallerTest, CountsARefusedCancelAndGoesOnWithTheCall) {
  LoadRig rig;
  rig.set_servers(2);
  rig.answerer_options.ring = 5s;
  rig.caller_options.cancel_share = 1;
  rig.rule = [](Letter& letter) {  // To a server that knows nothing of the call.
    if (letter.kind() == "CANCEL") letter.to = LoadRig::server_address(1);
    return Fate::Deliver;
  };
  rig.run();
  EXPECT_EQ(rig.stats().refused_cancels, 1U);
  EXPECT_EQ(rig.stats().cancelled_too_late, 1U);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, CancelsTheShareItIsToldTo) {
  LoadRig rig;
  rig.answerer_options.ring = 1s;
  rig.caller_options.cancel_share = 0.25;
  rig.caller_options.pace = {.window = 8, .calls_max = 400};
  rig.run();
  EXPECT_NEAR(static_cast<double>(rig.stats().cancelled), 100, 30);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, AcknowledgesAnAnswerThatComesAfterTheCall) {
  LoadRig rig;
  rig.run();
  const Letter answer = rig.log[2];
  ASSERT_EQ(answer.kind(), "200");
  rig.inject(answer);
  rig.run();
  EXPECT_EQ(rig.sent("ACK"), 2U);
  EXPECT_EQ(rig.stats().succeeded, 1U);
}

TEST(CallerTest, TakesAnAnswerToAnEarlierUserOfTheSlotForNoAnswerToThis) {
  LoadRig rig;
  rig.caller_options.calls_max = 1;
  rig.caller_options.pace = {.window = 1, .calls_max = 2};
  rig.answerer_options.ring = 1s;
  rig.run_until(rig.now + 1500ms);  // The second call rings.
  ASSERT_EQ(rig.stats().succeeded, 1U);
  for (size_t i = 0; i < 6; ++i) {
    if (rig.log[i].kind() == "200") rig.inject(rig.log[i]);
  }
  rig.run_until(rig.now + 1ms);
  EXPECT_EQ(rig.stats().in_flight(), 1U);
  EXPECT_EQ(rig.stats().succeeded, 1U);
  EXPECT_EQ(rig.stats().strays, 1U) << "the answer to the first BYE";
  EXPECT_EQ(rig.stats().repeated_answers, 1U);
}

TEST(CallerTest, AcknowledgesARejectionHopByHopAndCountsItsCode) {
  LoadRig rig;
  rig.answerer_options.servers[0].faults.reject = 1;
  rig.run();
  ASSERT_EQ(rig.log.size(), 3U);
  EXPECT_EQ(rig.log[2].kind(), "ACK");
  EXPECT_EQ(rig.stats().failures_by_code[503 - CallStats::kCodeMin], 1U);
  EXPECT_EQ(rig.stats().failed(), 1U);
  EXPECT_EQ(branch(rig.log[0]), branch(rig.log[2]));
}

TEST(CallerTest, SeesThatAByeWentToAnotherServer) {
  LoadRig rig;
  rig.set_servers(2);
  rig.rule = [](Letter& letter) {
    if (letter.kind() == "BYE") letter.to = LoadRig::server_address(1);
    return Fate::Deliver;
  };
  rig.run();
  EXPECT_EQ(rig.stats().misroutes, 1U);
  EXPECT_EQ(rig.stats().failures_by_code[481 - CallStats::kCodeMin], 1U);
  EXPECT_EQ(rig.server_stats(1).misroutes, 1U);
  EXPECT_FALSE(rig.stats().all_well());
}

TEST(CallerTest, CountsCallsByTheServerThatAnswered) {
  LoadRig rig;
  rig.set_servers(2);
  rig.caller_options.pace = {.window = 1, .calls_max = 10};
  size_t invites = 0;
  rig.rule = [&invites](Letter& letter) {
    if (letter.kind() == "INVITE" && invites++ % 5 == 0) letter.to = LoadRig::server_address(1);
    return Fate::Deliver;
  };
  rig.run();
  const auto shares = rig.stats().servers.shares();
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares[1].name, "s2");
  EXPECT_EQ(shares[1].calls, 2U);
  EXPECT_EQ(shares[2].name, "s1");
  EXPECT_EQ(shares[2].calls, 8U);
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, SendsInDialogRequestsToItsTargetWhereThatIsAnOutboundProxy) {
  LoadRig rig;
  rig.set_servers(2);
  rig.caller_options.in_dialog = NextHop::Target;
  rig.rule = [](Letter& letter) {  // A proxy at s1's address that keeps out of the dialog.
    const bool is_request = letter.from.same_ip(SockAddress::v4(0xC0000201, 0));
    if (is_request) {
      EXPECT_EQ(letter.to, LoadRig::server_address(0));
      letter.to = LoadRig::server_address(1);
    }
    return Fate::Deliver;
  };
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, SpreadsCallsOverItsSources) {
  LoadRig rig;
  rig.caller_options.sources.push_back(SockAddress::v4(0xC0000201, 40001));
  rig.caller_options.pace = {.window = 2, .calls_max = 10};
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
  size_t from_second = 0;
  for (const Letter& letter : rig.log) {
    if (letter.kind() == "BYE" && letter.from.port() == 40001) ++from_second;
  }
  EXPECT_EQ(from_second, 5U);
}

TEST(CallerTest, RegistersAndProbes) {
  for (const Work work : {Work::Options, Work::Register}) {
    LoadRig rig;
    rig.caller_options.work = work;
    rig.caller_options.pace = {.window = 2, .calls_max = 10};
    rig.run();
    EXPECT_TRUE(rig.stats().all_well());
    EXPECT_EQ(rig.log.size(), 20U);
  }
}

TEST(CallerTest, CountsWhatIsNotForIt) {
  LoadRig rig;
  rig.run();
  const SockAddress us = rig.caller_options.sources[0];
  rig.inject({LoadRig::server_address(0), us, "noise"});
  rig.inject({LoadRig::server_address(0), us, rig.log[0].octets});  // A request.
  std::string other_run = rig.log[2].octets;
  other_run.replace(other_run.find("i00005eed"), 9, "i00005eee");
  rig.inject({LoadRig::server_address(0), us, other_run});
  std::string bad_slot = rig.log[2].octets;
  bad_slot.replace(bad_slot.find("i00005eed") + 9, 8, "ffffffff");
  rig.inject({LoadRig::server_address(0), us, bad_slot});
  rig.run();
  EXPECT_EQ(rig.stats().strays, 3U);
  EXPECT_EQ(rig.stats().repeated_answers, 1U);
}

TEST(CallerTest, SurvivesAWireWithoutRoom) {
  LoadRig rig;
  rig.wire_status = transport::SendStatus::QueueFull;
  rig.start();
  rig.run_until(rig.now + 100ms);
  EXPECT_EQ(rig.stats().refused_sends, 1U);
  rig.wire_status = transport::SendStatus::Queued;
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, EndsACallWhoseRouteSetIsTooLong) {
  LoadRig rig;
  const std::string routes = "Record-Route: <sip:edge;" + std::string(2000, 'x') + ">\r\n";
  rig.rule = [&routes](Letter& letter) {
    if (letter.kind() == "200") letter.octets.insert(letter.octets.find("CSeq"), routes);
    return Fate::Deliver;
  };
  rig.run_until(rig.now + 1s);
  EXPECT_EQ(rig.stats().oversized, 1U);
  EXPECT_EQ(rig.stats().failed(), 1U);
}

TEST(CallerTest, StopsStartingAndLetsCallsEnd) {
  LoadRig rig;
  rig.caller_options.pace = {.window = 4};
  rig.caller_options.hold = 1s;
  rig.run_until(rig.now + 100ms);
  rig.caller->stop();
  EXPECT_FALSE(rig.caller->is_done(rig.now));
  rig.run();
  EXPECT_TRUE(rig.caller->is_done(rig.now));
  EXPECT_EQ(rig.stats().succeeded, 4U);
}

TEST(CallerTest, CompletesCallsWithServersThatAreLateOrAnswerTwice) {
  for (const char* fault : {"late=1500ms", "delay=1500ms", "duplicate"}) {
    LoadRig rig;
    ASSERT_TRUE(apply_fault(fault, rig.answerer_options.servers[0].faults));
    rig.caller_options.pace = {.window = 4, .calls_max = 20};
    rig.run();
    EXPECT_TRUE(rig.stats().all_well()) << fault;
    EXPECT_EQ(rig.server_stats().calls, 20U) << fault;
    EXPECT_EQ(rig.stats().duplicate_2xx, 0U) << fault;
  }
}

TEST(CallerTest, LosesNoCancelledCallWhereDatagramsAreLost) {
  LoadRig rig;
  rig.answerer_options.ring = 500ms;
  rig.caller_options.cancel_share = 0.5;
  rig.caller_options.cancel_after = 250ms;  // A CANCEL that is lost comes too late.
  rig.caller_options.pace = {.window = 8, .calls_max = 1000};
  rig.answerer_options.held_max = 1024;
  Dice dice(7);
  rig.rule = [&dice](Letter&) { return dice.hits(0.05) ? Fate::Lose : Fate::Deliver; };
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
  EXPECT_EQ(rig.server_stats().calls, 1000U);
  EXPECT_EQ(rig.server_stats().merged, 0U);
  EXPECT_GT(rig.stats().cancelled, 0U);
  EXPECT_GT(rig.stats().cancelled_too_late, 0U);
  EXPECT_EQ(rig.stats().late_2xx + rig.stats().duplicate_2xx, 0U);
  EXPECT_EQ(rig.answerer->totals().delivered_twice, MethodCounts{});
}

TEST(CallerTest, SurvivesLossAndRepetitionOfAnything) {
  LoadRig rig;
  rig.caller_options.pace = {.window = 8, .calls_max = 400};
  Dice dice(7);
  rig.rule = [&dice](Letter&) {
    if (dice.hits(0.1)) return Fate::Lose;
    return dice.hits(0.1) ? Fate::Repeat : Fate::Deliver;
  };
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
  EXPECT_GT(rig.stats().retransmissions, 0U);
  EXPECT_GT(rig.stats().repeated_answers, 0U);
}

TEST(CallerTest, RepeatsNothingOverAStream) {
  for (const Work work : {Work::Call, Work::Options}) {
    LoadRig rig;
    rig.use_streams();
    rig.caller_options.work = work;
    rig.answerer_options.servers[0].faults.silent = true;
    const Instant start = rig.now;
    rig.run();
    EXPECT_EQ(rig.log.size(), 1U);
    EXPECT_EQ(rig.now - start, 32s);
    EXPECT_EQ(rig.stats().timeouts, 1U);
    EXPECT_EQ(rig.stats().retransmissions, 0U);
  }
}

// The connections of a run's requests, each once: "0/1" is the first use of the first.
std::vector<std::string> connections_of(const LoadRig& rig, std::string_view kind) {
  std::vector<std::string> out;
  for (const Letter& letter : rig.log) {
    if (letter.kind() != kind) continue;
    out.push_back(std::to_string(letter.connection.slot()) + "/" +
                  std::to_string(letter.connection.generation()));
  }
  return out;
}

TEST(CallerTest, LetsItsCallsTakeTurnsOnItsConnections) {
  LoadRig rig;
  rig.use_streams();
  rig.caller_options.connections = 2;
  rig.caller_options.pace = {.window = 1, .calls_max = 4};
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
  const std::vector<std::string> expected = {"0/1", "1/1", "0/1", "1/1"};
  for (const char* kind : {"INVITE", "ACK", "BYE"}) EXPECT_EQ(connections_of(rig, kind), expected);
}

TEST(CallerTest, GivesEachCallAConnectionWhereAsked) {
  LoadRig rig;
  rig.use_streams();
  rig.caller_options.sharing = Sharing::PerCall;
  rig.caller_options.calls_max = 2;
  rig.caller_options.pace = {.window = 2, .calls_max = 4};
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
  const std::vector<std::string> invites = connections_of(rig, "INVITE");
  const std::set<std::string> distinct(invites.begin(), invites.end());
  EXPECT_EQ(distinct, (std::set<std::string>{"0/1", "1/2", "1/3", "0/4"})) << "two places, 4 uses";
  EXPECT_EQ(connections_of(rig, "ACK"), invites);
  EXPECT_EQ(connections_of(rig, "BYE"), invites);
}

// The connection that the last letter has gone by.
transport::Flow last_connection(const LoadRig& rig) {
  return {.remote = LoadRig::server_address(0),
          .transport = sip::Transport::Tcp,
          .connection = rig.log.back().connection};
}

TEST(CallerTest, FailsAtOnceWhatWaitsOnAConnectionThatEnds) {
  LoadRig rig;
  rig.use_streams();
  rig.caller_options.connections = 2;
  rig.caller_options.pace = {.window = 3, .calls_max = 3};
  rig.answerer_options.servers[0].faults.silent = true;
  rig.run_until(rig.now);
  ASSERT_EQ(rig.stats().in_flight(), 3U);
  rig.caller->on_disconnected(last_connection(rig), 1);
  EXPECT_EQ(rig.stats().disconnected, 2U) << "the first and the third";
  EXPECT_EQ(rig.stats().in_flight(), 1U);
}

TEST(CallerTest, KeepsACallThatTalksWhenItsConnectionEnds) {
  LoadRig rig;
  rig.use_streams();
  rig.caller_options.hold = 1s;
  rig.run_until(rig.now + 500ms);
  ASSERT_EQ(rig.log.back().kind(), "ACK");
  rig.caller->on_disconnected(last_connection(rig), 1);
  rig.run();
  EXPECT_TRUE(rig.stats().all_well());
}

TEST(CallerTest, FailsAByeWhoseConnectionEnds) {
  LoadRig rig;
  rig.use_streams();
  rig.rule = lose_first("BYE", 1);
  rig.run_until(rig.now + 1s);
  ASSERT_EQ(rig.log.back().kind(), "BYE");
  rig.caller->on_disconnected(last_connection(rig), 1);
  EXPECT_EQ(rig.stats().disconnected, 1U);
  EXPECT_TRUE(rig.caller->is_done(rig.now));
}

TEST(CallerTest, CountsAReleaseWhoseConnectionEnds) {
  LoadRig rig;
  rig.use_streams();
  rig.caller_options.hold = 60s;
  rig.run_until(rig.now + 1s);
  rig.rule = lose_first("BYE", 1);
  rig.inject(other_answer(rig, 'x'));
  rig.run_until(rig.now + 1s);
  ASSERT_EQ(rig.log.back().kind(), "BYE");
  rig.caller->on_disconnected(last_connection(rig), 1);
  EXPECT_EQ(rig.stats().unreleased, 1U);
  EXPECT_EQ(rig.stats().disconnected, 0U);
}

}  // namespace
}  // namespace siplb::load::test
