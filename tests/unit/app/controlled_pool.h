// A Control whose neighbours are the test's: health, calls and transitions are as it says, and what
// is published is there to be looked at. One group, pbx, with the servers s1 and s2.
#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "app/control.h"
#include "support/snapshot.h"

namespace siplb::test {

inline SockAddress on_loopback(uint16_t port) {
  return SockAddress::v4(0x7f000001, port);
}

inline balance::GroupOptions pbx(std::vector<balance::ServerOptions> servers) {
  return {.name = "pbx", .policy = balance::Policy::RoundRobin, .servers = std::move(servers)};
}

inline std::vector<balance::GroupOptions> two_servers() {
  return {pbx({{.name = "s1", .address = on_loopback(5061)},
               {.name = "s2", .address = on_loopback(5062)}})};
}

class ControlledPool {
 public:
  explicit ControlledPool(std::vector<balance::GroupOptions> configured = two_servers())
      : groups(std::move(configured)) {
    std::string name = testing::TempDir() + "siplb-control-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~ControlledPool() {
    control.reset();
    std::filesystem::remove_all(folder);
  }
  ControlledPool(const ControlledPool&) = delete;
  ControlledPool& operator=(const ControlledPool&) = delete;

  // Also again: what was set before is in the state file.
  void start(std::unique_ptr<app::Resolver> resolver = nullptr) {
    control.reset();
    auto made = app::Control::create(
        {.groups = groups,
         .state_file = state_file(),
         .snapshot_readers = 1,
         .make_snapshot = [this](auto expanded) { return snapshot_of(expanded); },
         .resolver = std::move(resolver),
         .request_names = request_names.get(),
         .answers_wait = answers_wait},
        log);
    ASSERT_TRUE(made.has_value());
    control = std::move(*made);
    const size_t server_count = control->snapshots().newest().topology.servers().size();
    auto first = std::make_unique<balance::PoolStatus>(server_count, groups.size());
    status = std::make_unique<Published<balance::PoolStatus>>(1, std::move(first));
    calls = std::make_unique<balance::CallCounts>(server_count);
    load = std::make_unique<balance::LoadBoard>(1, server_count);
    transitions.assign(server_count, {});
    control->start(
        {.status = *status,
         .status_reader = 0,
         .calls = *calls,
         .load = *load,
         .transitions = [this](balance::ServerIndex index) { return transitions[index]; },
         .on_snapshot =
             [this] {
               ++snapshot_count;
               snapshot_count.notify_all();
             },
         .on_book =
             [this] {
               ++book_count;
               book_count.notify_all();
             },
         .on_plan = [this] { ++plan_count; },
         .on_admission = [this](proxy::Admission admission) { on_admission(admission); }});
  }

  // What the prober would publish.
  void set_health(balance::ServerIndex server, balance::HealthState health,
                  balance::HealthReason reason = balance::HealthReason::TimedOut) {
    auto next = std::make_unique<balance::PoolStatus>(status->newest());
    next->servers[server].health = health;
    next->servers[server].reason = reason;
    next->servers[server].changed_at = Clock::now();
    status->publish(std::move(next));
  }

  // As workers and prober see them.
  [[nodiscard]] const proxy::Snapshot& snapshot() { return control->snapshots().look(0); }
  [[nodiscard]] const health::ProbePlan& plan() { return control->plans().look(0); }
  [[nodiscard]] std::string state_file() const { return folder / "state"; }

  std::vector<balance::GroupOptions> groups;
  std::filesystem::path folder;
  std::chrono::milliseconds answers_wait = std::chrono::minutes(1);  // bounded by the resolver's
  std::ostringstream logged;  // complete once `control` is gone
  observe::EventLog log{{.sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(logged)}};
  std::unique_ptr<Published<balance::PoolStatus>> status;
  std::unique_ptr<balance::CallCounts> calls;
  std::unique_ptr<balance::LoadBoard> load;
  std::vector<std::vector<health::Transition>> transitions;
  std::atomic<int> snapshot_count = 0;
  std::atomic<int> book_count = 0;
  std::atomic<int> plan_count = 0;
  std::unique_ptr<app::RequestNames> request_names;  // set before start()
  std::function<void(proxy::Admission)> on_admission = [](proxy::Admission) {};
  std::unique_ptr<app::Control> control;

 private:
  static std::unique_ptr<proxy::Snapshot> snapshot_of(
      std::span<const balance::GroupOptions> expanded) {
    return std::make_unique<proxy::Snapshot>(
        make_snapshot({.listeners = {{.name = "main", .address = on_loopback(5060)}},
                       .groups = {expanded.begin(), expanded.end()},
                       .routes = {}}));
  }
};

}  // namespace siplb::test
