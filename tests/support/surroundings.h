// What lanes share with each other, around one lane or worker: at first every server is usable, and
// none has anything to do.
//
// Thread: as its parts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balance/call_counts.h"
#include "balance/health_signal.h"
#include "balance/load_board.h"
#include "proxy/worker.h"

namespace siplb::test {

// Keeps what the prober is told. Thread: one.
class SignalLog final : public balance::HealthSink {
 public:
  void tell(const balance::HealthSignal& signal, std::string_view octets) override {
    signals.push_back(signal);
    answers.emplace_back(octets);
  }

  std::vector<balance::HealthSignal> signals;
  std::vector<std::string> answers;  // by signal: the octets that came with it
};

// Keeps what lanes ask for, as long as there is room. Thread: one.
class AskLog final : public proxy::NameAsks {
 public:
  proxy::AskStatus ask(const proxy::NameKey& name, Instant /*now*/) override {
    if (status == proxy::AskStatus::Asked) asked.push_back(name);
    return status;
  }

  std::vector<proxy::NameKey> asked;
  proxy::AskStatus status = proxy::AskStatus::Asked;  // of what is asked from now on
};

// Borrows the snapshot. Requires: it stays where it is.
struct Surroundings {
  explicit Surroundings(const proxy::Snapshot& snapshot, size_t worker_count = 1)
      : status(snapshot.topology.servers().size(), snapshot.topology.groups().size()),
        load(worker_count, snapshot.topology.servers().size()),
        calls(snapshot.topology.servers().size()),
        outlook{.snapshot = &snapshot, .status = &status, .names = &book} {}

  balance::PoolStatus status;
  balance::LoadBoard load;
  balance::CallCounts calls;
  SignalLog health;
  proxy::NameBook book;
  AskLog names;
  proxy::Outlook outlook;
};

// The same for workers, who look for themselves.
struct SharedSurroundings {
  SharedSurroundings(proxy::Snapshot snapshot, size_t worker_count)
      : server_count(snapshot.topology.servers().size()),
        group_count(snapshot.topology.groups().size()),
        snapshots(worker_count, std::make_unique<proxy::Snapshot>(std::move(snapshot))),
        statuses(worker_count, std::make_unique<balance::PoolStatus>(server_count, group_count)),
        load(worker_count, server_count),
        calls(server_count),
        books(worker_count, std::make_unique<const proxy::NameBook>()) {
    const std::span<balance::AffinityEntry> all(entries);
    for (size_t at = 0; at < all.size(); at += 2 * kTableEntries) {
      tables.push_back(
          {all.subspan(at, kTableEntries), all.subspan(at + kTableEntries, kTableEntries)});
    }
  }

  [[nodiscard]] proxy::Worker::Parts parts(EventRing& events, transport::ConnectionCensus& census) {
    return {snapshots, statuses, load, calls, health, events, census, tables, books, names};
  }

  // Deaf, since workers are several threads.
  struct NoHealth final : balance::HealthSink {
    void tell(const balance::HealthSignal& /*signal*/, std::string_view /*octets*/) override {}
  };
  struct NoNames final : proxy::NameAsks {
    proxy::AskStatus ask(const proxy::NameKey& /*name*/, Instant /*now*/) override {
      return proxy::AskStatus::Asked;
    }
  };

  static constexpr size_t kLanesMax = 4;
  static constexpr size_t kTableEntries = 64;  // of each table of a lane

  const size_t server_count;
  const size_t group_count;
  Published<proxy::Snapshot> snapshots;
  Published<balance::PoolStatus> statuses;
  balance::LoadBoard load;
  balance::CallCounts calls;
  NoHealth health;
  Published<proxy::NameBook> books;
  NoNames names;
  std::vector<balance::AffinityEntry> entries =
      std::vector<balance::AffinityEntry>(kLanesMax * 2 * kTableEntries);
  std::vector<proxy::LaneTables> tables;
};

}  // namespace siplb::test
