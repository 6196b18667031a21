#include "observe/event_log.h"

#include <sstream>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <nlohmann/json.hpp>

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

}  // namespace
}  // namespace siplb::observe
