#include "observe/event_log.h"

#include <chrono>
#include <sstream>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <nlohmann/json.hpp>

#include "balance/pool_status.h"
#include "health/priority.h"
#include "proxy/counters.h"

namespace siplb::observe {
namespace {

class EventLogTest : public testing::Test {
 protected:
  EventLog::Options options(LogFormat format, LogLevel level = LogLevel::Info) {
    return {.level = level,
            .format = format,
            .sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
  }
  std::ostringstream out_;
};

TEST_F(EventLogTest, WritesTextWithFieldsInOrder) {
  EventLog(options(LogFormat::Text))
      .write(LogLevel::Info, "listening", {{"listener", "public"}, {"address", "127.0.0.1:5060"}});
  EXPECT_EQ(out_.str(), "info: listening listener=public address=127.0.0.1:5060\n");
}

TEST_F(EventLogTest, QuotesTextValuesThatWouldBreakTheLine) {
  EventLog(options(LogFormat::Text))
      .write(LogLevel::Warning, "odd", {{"a", "two words"}, {"b", "x=\"y\"\n"}, {"c", ""}});
  EXPECT_EQ(out_.str(), "warning: odd a=\"two words\" b=\"x=\\\"y\\\"\\u000a\" c=\"\"\n");
}

TEST_F(EventLogTest, WritesOneJsonObjectPerLine) {
  EventLog(options(LogFormat::Json))
      .write(LogLevel::Error, "start failed", {{"reason", "tab\there \"quoted\" \\"}});
  const auto line = nlohmann::json::parse(out_.str());
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["event"], "start failed");
  EXPECT_EQ(line["reason"], "tab\there \"quoted\" \\");
  EXPECT_EQ(line["time"].get<std::string>().size(), std::string("2026-01-01T00:00:00.000Z").size());
}

TEST_F(EventLogTest, LeavesOutWhatIsBelowItsLevel) {
  EventLog log(options(LogFormat::Text, LogLevel::Warning));
  log.write(LogLevel::Info, "quiet", {});
  log.write(LogLevel::Warning, "loud", {});
  EXPECT_EQ(out_.str(), "warning: loud\n");
}

TEST_F(EventLogTest, TakesAnotherLevelWhileItRuns) {
  EventLog log(options(LogFormat::Text, LogLevel::Warning));
  log.write(LogLevel::Info, "before", {});
  log.set_level(LogLevel::Info);
  log.write(LogLevel::Info, "after", {});
  EXPECT_EQ(out_.str(), "info: after\n");
}

TEST_F(EventLogTest, RemembersAsJsonWhatItWrites) {
  EventLog log(options(LogFormat::Text, LogLevel::Warning));
  log.write(LogLevel::Info, "quiet", {});
  log.write(LogLevel::Warning, "loud", {{"listener", "public"}});
  const EventMemory::Part part = log.memory().last(10);
  ASSERT_EQ(part.lines.size(), 1u);
  const auto line = nlohmann::json::parse(part.lines.front());
  EXPECT_EQ(line["event"], "loud");
  EXPECT_EQ(line["listener"], "public");
}

TEST_F(EventLogTest, WritesAnEventWithoutArguments) {
  {
    EventLog log(options(LogFormat::Text));
    log.add_ring().post({.at = Clock::now(), .id = EventId::TransactionsFull, .lane = 2});
  }
  EXPECT_EQ(out_.str(), "warning: no room for another transaction, request answered 503 lane=2\n");
}

TEST_F(EventLogTest, WritesWhatTheRingsHoldBeforeItEnds) {
  {
    EventLog log(options(LogFormat::Json));
    EventRing& first = log.add_ring();
    EventRing& second = log.add_ring();
    first.post({.at = Clock::now(), .id = EventId::MailboxFull, .lane = 3, .args = {5, 0}});
    second.post({.at = Clock::now(), .id = EventId::MailboxFull, .lane = 4, .args = {6, 0}});
  }
  std::istringstream lines(out_.str());
  std::string line;
  int lanes = 0;
  while (std::getline(lines, line)) {
    const auto event = nlohmann::json::parse(line);
    EXPECT_EQ(event["level"], "warning");
    lanes += std::stoi(event["lane"].get<std::string>());
  }
  EXPECT_EQ(lanes, 3 + 4);
}

class FailoverEventTest : public EventLogTest {
 protected:
  // What the log writes of it, knowing servers 0 and 1.
  std::string write(LogFormat format, std::initializer_list<Event> events) {
    {
      EventLog log(options(format));
      log.set_names({.servers = {{"pbx", "one"}, {"pbx", "two"}}, .groups = {"pbx"}});
      EventRing& ring = log.add_ring();
      for (const Event& event : events) ring.post(event);
    }
    return out_.str();
  }
  static Event failover(uint16_t server, proxy::FailoverReason reason, Duration at = {}) {
    return {.at = Instant(std::chrono::hours(1)) + at,
            .id = EventId::ServerFailover,
            .args = {server, static_cast<int64_t>(reason)}};
  }
};

TEST_F(FailoverEventTest, WhoHasLeftKeepsHisNameUntilAnotherHasHisPlace) {
  const auto write_after = [&](const EventNames& names) {
    out_.str({});
    {
      EventLog log(options(LogFormat::Text));
      log.set_names({.servers = {{"pbx", "one"}}, .groups = {"pbx"}});
      log.set_names(names);
      log.add_ring().post(failover(0, proxy::FailoverReason::Silence));
    }
    return out_.str();
  };
  EXPECT_EQ(write_after({.servers = {{}}, .groups = {{}}}),
            "warning: failover group=pbx server=one reason=silence\n");
  EXPECT_EQ(write_after({.servers = {{"new", "two"}}, .groups = {"new"}}),
            "warning: failover group=new server=two reason=silence\n");
}

TEST_F(FailoverEventTest, NamesTheServerAndTheReasonInText) {
  EXPECT_EQ(write(LogFormat::Text, {failover(1, proxy::FailoverReason::Silence)}),
            "warning: failover group=pbx server=two reason=silence\n");
}

TEST_F(FailoverEventTest, NamesTheServerAndTheReasonInJson) {
  const auto line = nlohmann::json::parse(
      write(LogFormat::Json, {failover(0, proxy::FailoverReason::Unreachable)}));
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["event"], "failover");
  EXPECT_EQ(line["group"], "pbx");
  EXPECT_EQ(line["server"], "one");
  EXPECT_EQ(line["reason"], "unreachable");
}

TEST_F(FailoverEventTest, ShowsTheNumberOfAServerWithoutName) {
  EXPECT_EQ(write(LogFormat::Text, {failover(2, proxy::FailoverReason::Code)}),
            "warning: failover server=2 reason=code\n");
}

TEST_F(FailoverEventTest, HasWordsForEveryKindOfArgument) {
  const auto event = [](EventId id, int64_t first, int64_t second = 0) {
    return Event{.at = Clock::now(), .id = id, .args = {first, second}};
  };
  const auto number = [](auto value) { return static_cast<int64_t>(value); };
  EXPECT_EQ(write(LogFormat::Text,
                  {event(EventId::ServerDown, 1, number(balance::HealthReason::TimedOut)),
                   event(EventId::ServerState, 0, number(balance::OperatorState::Drain)),
                   event(EventId::PanicBegan, 0), event(EventId::PanicEnded, 7),
                   event(EventId::ProbePriority, number(health::Priority::RealTime), EPERM)}),
            "warning: server down group=pbx server=two reason=timed-out\n"
            "info: operator has changed the server's state group=pbx server=one state=drain\n"
            "error: too few servers are up, health is ignored group=pbx\n"
            "info: enough servers are up, health counts again group=7\n"
            "warning: a raised priority was refused to the thread that probes "
            "priority=real_time error=\"Operation not permitted\"\n");
}

TEST_F(EventLogTest, ShowsWhoSentWhatWasDropped) {
  {
    EventLog log(options(LogFormat::Text));
    log.add_ring().post({.at = Clock::now(),
                         .id = EventId::MessageDropped,
                         .lane = 1,
                         .args = {static_cast<int64_t>(proxy::DropReason::NotSip)},
                         .remote = SockAddress::v4(0xc0000201, 5060)},
                        "INVITE sip:a:secret@b\n");
  }
  EXPECT_EQ(out_.str(),
            "info: message dropped lane=1 from=192.0.2.1:5060 reason=not_sip "
            "first_line=\"INVITE sip:a:***@b\\u000a\"\n");
}

TEST_F(EventLogTest, ShowsWhoseCallWasAnsweredUnlessNoServersWas) {
  {
    EventLog log(options(LogFormat::Text));
    log.set_names({.servers = {{"pbx", "one"}}, .groups = {"pbx"}});
    EventRing& ring = log.add_ring();
    Event event{.at = Clock::now(), .id = EventId::CallAnswered, .args = {0, 200, 35}};
    ring.post(event, "call-1@h");
    event.args = {balance::kNoServer, 503, 0};
    ring.post(event, "call-2@h");
  }
  EXPECT_EQ(out_.str(),
            "info: call answered group=pbx server=one code=200 after_ms=35 call_id=call-1@h\n"
            "info: call answered code=503 after_ms=0 call_id=call-2@h\n");
}

TEST_F(FailoverEventTest, IsWrittenOncePerSecondWithTheNumberLeftOut) {
  using std::chrono::milliseconds;
  EXPECT_EQ(
      write(LogFormat::Text, {failover(0, proxy::FailoverReason::Code),
                              failover(1, proxy::FailoverReason::Code, milliseconds(1)),
                              failover(1, proxy::FailoverReason::Silence, milliseconds(999)),
                              failover(0, proxy::FailoverReason::Silence, milliseconds(1000))}),
      "warning: failover group=pbx server=one reason=code\n"
      "warning: failover group=pbx server=one reason=silence suppressed=2\n");
}

}  // namespace
}  // namespace siplb::observe
