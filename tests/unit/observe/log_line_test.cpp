#include "observe/log_line.h"

#include <array>

#include <gtest/gtest.h>

namespace siplb::observe {
namespace {

class LogLineTest : public testing::Test {
 protected:
  std::array<LogField, 2> fields_{{{"listener", "public"}, {"first_line", "a \"b\"\r\n\xff"}}};
  LogLine line_{.time = {}, .level = LogLevel::Warning, .event = "it happened", .fields = fields_};
};

TEST_F(LogLineTest, QuotesInTextWhatIsNotPlain) {
  EXPECT_EQ(text_line(line_),
            "warning: it happened listener=public first_line=\"a \\\"b\\\"\\u000d\\u000a\\u00ff\"");
}

TEST_F(LogLineTest, EscapesInJsonWhatIsNoPrintableAscii) {
  EXPECT_EQ(json_line(line_),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warning\","
            "\"event\":\"it happened\",\"listener\":\"public\","
            "\"first_line\":\"a \\\"b\\\"\\u000d\\u000a\\u00ff\"}");
}

TEST_F(LogLineTest, GivesTheJournalEachFieldByItself) {
  fields_[1] = {"after-ms", "7"};
  const std::vector<std::string> expected = {"PRIORITY=4",
                                             "SYSLOG_IDENTIFIER=siplbd",
                                             "MESSAGE=it happened listener=public after-ms=7",
                                             "SIPLB_EVENT=it happened",
                                             "SIPLB_LISTENER=public",
                                             "SIPLB_AFTER_MS=7"};
  EXPECT_EQ(journal_fields(line_), expected);
}

TEST_F(LogLineTest, TellsTheJournalHowGraveItIs) {
  const std::array<std::pair<LogLevel, std::string>, 4> levels = {
      {{LogLevel::Debug, "PRIORITY=7"},
       {LogLevel::Info, "PRIORITY=6"},
       {LogLevel::Warning, "PRIORITY=4"},
       {LogLevel::Error, "PRIORITY=3"}}};
  for (const auto& [level, expected] : levels) {
    line_.level = level;
    EXPECT_EQ(journal_fields(line_).front(), expected);
  }
}

TEST(FirstLineTest, ShowsNoPassword) {
  EXPECT_EQ(without_password("INVITE sip:alice:secret@h:5060 SIP/2.0"),
            "INVITE sip:alice:***@h:5060 SIP/2.0");
  for (const auto* harmless : {"INVITE sip:alice@h:5060 SIP/2.0", "INVITE sip:h:5060 SIP/2.0",
                               "SIP/2.0 200 OK", "nonsense: a@b", "", "sip:@"}) {
    EXPECT_EQ(without_password(harmless), harmless);
  }
}

}  // namespace
}  // namespace siplb::observe
