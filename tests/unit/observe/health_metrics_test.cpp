// The metrics of health, calls and names, of values that the test sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/metrics.h"
#include "support/snapshot.h"

namespace siplb::observe {
namespace {

using testing::HasSubstr;

constexpr Instant kNow{std::chrono::hours(1)};

proxy::Snapshot pool_snapshot() {
  return test::make_snapshot(
      {.listeners = {{.name = "edge", .address = SockAddress::v4(0x7f000001, 5060)}},
       .groups = {{.name = "pbx",
                   .servers = {{.name = "one", .address = SockAddress::v4(0x7f000001, 5071)},
                               {.name = "two", .address = SockAddress::v4(0x7f000001, 5072)}}}},
       .routes = {}});
}

class HealthMetricsTest : public testing::Test {
 protected:
  HealthMetricsTest() : source_{.snapshots = snapshots_, .workers = {}, .budget = {}} {}

  [[nodiscard]] std::string scrape() const { return Metrics(source_).scrape(kNow); }

  // What is scraped of server "one" when this is its status.
  [[nodiscard]] std::string scrape_with(const balance::ServerStatus& one) {
    auto status = std::make_unique<balance::PoolStatus>(2, 1);
    status->servers[0] = one;
    status->groups[0].is_panicking = one.health == balance::HealthState::Down;
    status_.publish(std::move(status));
    source_.status = &status_;
    return scrape();
  }

  Published<proxy::Snapshot> snapshots_{1,
                                        std::make_unique<const proxy::Snapshot>(pool_snapshot())};
  Published<balance::PoolStatus> status_{1, std::make_unique<balance::PoolStatus>(2, 1)};
  MetricsSource source_;
};

TEST_F(HealthMetricsTest, HaveTheirSeriesBeforeThereIsAProber) {
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_server_up{group=\"pbx\",server=\"two\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_state{group=\"pbx\",server=\"two\","
                              "state=\"unknown\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_group_panic{group=\"pbx\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_probes_total{group=\"pbx\",server=\"two\","
                              "result=\"failed\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_probe_seconds_count{group=\"pbx\",server=\"two\"} 0"));
  EXPECT_THAT(text, HasSubstr("siplb_probe_disagreements_total{group=\"pbx\",server=\"one\"} 0"));
  EXPECT_THAT(text, HasSubstr("siplb_health_signals_lost_total 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_prober_priority{priority=\"ordinary\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_call_count_errors_total 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_name_age_seconds 0\n"));
}

TEST_F(HealthMetricsTest, NameOneStateOfAServerTheStrongestFirst) {
  using balance::HealthState;
  using balance::OperatorState;
  const Instant later = kNow + std::chrono::seconds(1);
  struct Row {
    std::string_view state;
    balance::ServerStatus status;
  };
  for (const Row& row : {
           Row{"up", {.health = HealthState::Up, .busy_until = kNow}},
           Row{"busy", {.health = HealthState::Up, .busy_until = later}},
           Row{"down", {.health = HealthState::Down, .busy_until = later}},
           Row{"drain", {.health = HealthState::Down, .operator_state = OperatorState::Drain}},
           Row{"maint", {.health = HealthState::Up, .operator_state = OperatorState::Maint}},
       }) {
    const std::string text = scrape_with(row.status);
    for (const std::string state : {"unknown", "up", "down", "busy", "drain", "maint"}) {
      const std::string line = "siplb_server_state{group=\"pbx\",server=\"one\",state=\"" + state +
                               "\"} " + (state == row.state ? "1" : "0") + "\n";
      EXPECT_THAT(text, HasSubstr(line)) << row.state;
    }
  }
}

TEST_F(HealthMetricsTest, TellWhoIsDownAndWhichGroupPanics) {
  const std::string text = scrape_with({.health = balance::HealthState::Down});
  EXPECT_THAT(text, HasSubstr("siplb_server_up{group=\"pbx\",server=\"one\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_up{group=\"pbx\",server=\"two\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_group_panic{group=\"pbx\"} 1\n"));
}

TEST_F(HealthMetricsTest, CountCallsAndRequestsInFlight) {
  balance::CallCounts calls(2);
  balance::LoadBoard load(1, 2);
  ASSERT_TRUE(calls.try_reserve(1, 0));
  calls.add_active(1);
  calls.add_active(1);
  calls.release(0, balance::CallState::Active);
  load.on_begun(0, 1);
  source_.calls = &calls;
  source_.load = &load;
  const std::string text = scrape();
  const std::string of_two = "siplb_server_calls{group=\"pbx\",server=\"two\",state=";
  EXPECT_THAT(text, HasSubstr(of_two + "\"reserved\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(of_two + "\"active\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_inflight{group=\"pbx\",server=\"one\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_server_inflight{group=\"pbx\",server=\"two\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_call_count_errors_total 1\n"));
}

TEST_F(HealthMetricsTest, TellOfNames) {
  Counter answered;
  Counter empty;
  Counter targets;
  Counter addresses;
  Counter oldest;
  answered.add(3);
  empty.add(2);
  targets.add(4);
  addresses.add(5);
  const Instant confirmed = kNow - std::chrono::seconds(90);
  oldest.add(static_cast<uint64_t>(confirmed.time_since_epoch().count()));
  source_.names = {.lookups = {{"answered", answered}},
                   .without_address = &empty,
                   .targets_ignored = &targets,
                   .addresses_ignored = &addresses,
                   .oldest_answer_ns = &oldest};
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_name_lookups_total{result=\"answered\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("siplb_names_without_address 2\n"));
  EXPECT_THAT(text, HasSubstr("siplb_name_targets_ignored 4\n"));
  EXPECT_THAT(text, HasSubstr("siplb_name_addresses_ignored 5\n"));
  EXPECT_THAT(text, HasSubstr("siplb_name_age_seconds 90\n"));
}

TEST_F(HealthMetricsTest, TellOfNamesInRequests) {
  Counter answered, names, evicted;
  answered.set(3);
  names.set(2);
  evicted.set(1);
  source_.request_names = {
      .lookups = {{"answered", answered}}, .names = &names, .evicted = &evicted};
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_request_name_lookups_total{result=\"answered\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("siplb_request_names 2\n"));
  EXPECT_THAT(text, HasSubstr("siplb_request_names_evicted_total 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_requests_awaiting_name 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_request_names_refused_total{reason=\"no_answer\"} 0\n"));
}

}  // namespace
}  // namespace siplb::observe
