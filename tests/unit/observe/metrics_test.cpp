#include "observe/metrics.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include "support/snapshot.h"
#include "support/surroundings.h"

namespace siplb::observe {
namespace {

using testing::HasSubstr;

proxy::Snapshot make_snapshot() {
  const balance::GroupOptions pbx{
      .name = "pbx",
      .servers = {{.name = "one", .address = SockAddress::v4(0x7f000001, 5071)},
                  {.name = "off", .address = SockAddress::v4(0x7f000001, 5072), .weight = 0}}};
  return test::make_snapshot(
      {.listeners = {{.name = "edge", .address = SockAddress::v4(0x7f000001, 5060)}},
       .groups = {pbx},
       .routes = {},
       .config_hash = "abc",
       .steered = 1});
}

// "group server" of `name{group="pbx",server="one"} 0`. Requires: no value with a quote in it.
std::string label_names(std::string_view line) {
  std::string names;
  for (size_t at = line.find('{'); at != std::string_view::npos && line[at] != '}';) {
    const size_t equals = line.find('=', at);
    if (!names.empty()) names += ' ';
    names += line.substr(at + 1, equals - at - 1);
    at = line.find('"', equals + 2) + 1;
  }
  return names;
}

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() {
    const SockAddress any_port = SockAddress::v4(0x7f000001, 0);
    net::InheritedSockets none;
    auto sockets =
        transport::open_listener_sockets({.name = "edge", .address = any_port, .lanes = 2}, none);
    EXPECT_TRUE(sockets.has_value());
    auto worker = proxy::Worker::create({.lane_count = 2,
                                         .contexts = {.contexts = 3, .finished = 4},
                                         .slots = {1, 1, 1},
                                         .held = {2, 1, 1}},
                                        around_.parts(events_, census_), {&*sockets, 1});
    EXPECT_TRUE(worker.has_value());
    workers_.push_back(std::move(*worker));
  }

  [[nodiscard]] std::string scrape() {
    const MetricsSource source{.snapshots = snapshots_,
                               .workers = workers_,
                               .budget = {{"tables", 4096}},
                               .started_at = Instant{}};
    return Metrics(source).scrape(Instant{} + std::chrono::seconds(7));
  }

  EventBell bell_;
  transport::ConnectionCensus census_{{}};
  EventRing events_{bell_};
  Published<proxy::Snapshot> snapshots_{1,
                                        std::make_unique<const proxy::Snapshot>(make_snapshot())};
  test::SharedSurroundings around_{make_snapshot(), 1};
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
};

TEST_F(MetricsTest, HasEverySeriesFromTheStart) {
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_up_seconds 7\n"));
  EXPECT_THAT(text, HasSubstr("siplb_config_info{hash=\"abc\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_memory_budget_bytes{consumer=\"tables\"} 4096\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_requests_total{group=\"pbx\",server=\"off\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_messages_dropped_total{reason=\"response_seal_refused\"} 0"));
  EXPECT_THAT(text, HasSubstr("siplb_kernel_drops_total{listener=\"edge\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_steering_attached{listener=\"edge\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_messages_handed_over_total{kind=\"response\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_pool_slots{pool=\"large\",state=\"free\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_pool_slots{pool=\"held-small\",state=\"free\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("siplb_pool_slots{pool=\"transactions\",state=\"free\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("siplb_transactions{state=\"finished\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_loop_delay_seconds_bucket{le=\"+Inf\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_messages_originated_total{kind=\"retry\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_retransmissions_total{direction=\"server\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_retry_budget_exhausted_total{group=\"pbx\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_failovers_total{group=\"pbx\",server=\"off\","
                              "reason=\"silence\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_answer_seconds_bucket{group=\"pbx\",server=\"off\","
                              "le=\"0.25\"} 0\n"));
}

TEST_F(MetricsTest, HasNoSeriesTwice) {
  std::istringstream lines(scrape());
  std::set<std::string> seen;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty() || line.front() == '#') continue;
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(seen.size(), 100U);
}

TEST_F(MetricsTest, PassesPromtool) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "no promtool";
  FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = scrape();
  std::fwrite(text.data(), 1, text.size(), promtool);
  EXPECT_EQ(pclose(promtool), 0);
}

TEST_F(MetricsTest, HasTheLabelsThatTheReferenceSays) {
  std::map<std::string, std::string> labels_of;
  for (const MetricReference& each : metric_references()) {
    const std::string name(each.name);
    labels_of[name] = each.labels;
    if (each.type != "histogram") continue;
    labels_of[name + "_sum"] = labels_of[name + "_count"] = each.labels;
    labels_of[name + "_bucket"] = std::string(each.labels) + (each.labels.empty() ? "le" : " le");
  }
  std::istringstream lines(scrape());
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::string name = line.substr(0, line.find_first_of("{ "));
    ASSERT_TRUE(labels_of.contains(name)) << line;
    EXPECT_EQ(label_names(line), labels_of[name]) << line;
  }
}

TEST(MetricReferencesTest, StandInTheDocumentationInTheSameOrder) {
  std::ifstream file(SIPLB_SOURCE_DIR "/docs/metrics.md");
  std::vector<std::string> documented;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("| `siplb_") && line.find("` | ") != std::string::npos &&
        std::count(line.begin(), line.end(), '|') == 5) {
      documented.push_back(line);
    }
  }
  std::vector<std::string> expected;
  for (const MetricReference& each : metric_references()) {
    std::string labels;
    std::istringstream words{std::string(each.labels)};
    for (std::string word; words >> word;) labels += (labels.empty() ? "`" : " `") + word + "`";
    std::ostringstream row;
    row << "| `" << each.name << "` | " << each.type << " | " << labels << " | " << each.help
        << " |";
    expected.push_back(row.str());
  }
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace siplb::observe
