// siplbd in small: one lane made from a real configuration, on a fake wire.
//
// What must hold after every message, whatever a script expects, is checked here: conservation, one
// message sent for each that is said to be sent, and nothing sent that does not parse.
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"
#include "proxy/lane.h"
#include "support/fake_wire.h"

namespace siplb::test {

// What can run out.
struct Resources {
  size_t calls = 256;   // affinity entries
  size_t others = 256;  // affinity entries
  size_t sends = 64;    // messages that the send queue takes per step
};

struct ProcessOptions {
  uint32_t instance = 1;
  uint8_t node_key = 1;
  Resources resources;
};

class Process {
 public:
  Process(const config::Configuration& configuration, const ProcessOptions& options);

  // Gives the lane one message and returns what it sends. Throws std::logic_error where something
  // that must always hold does not.
  [[nodiscard]] std::vector<SentMessage> receive(const transport::Flow& flow, std::string_view text,
                                                 const proxy::Tick& tick);

  // All that is above zero, by names as in the metrics. Those of Detail say more about what others
  // count already.
  using Counts = std::map<std::string, uint64_t>;
  struct Counted {
    Counts all;
    Counts detail;
  };
  [[nodiscard]] Counted counted() const;
  [[nodiscard]] const proxy::Snapshot& snapshot() const { return snapshot_; }

 private:
  void check_invariants(const std::vector<SentMessage>& sent) const;

  proxy::Snapshot snapshot_;
  std::vector<balance::AffinityEntry> calls_;
  std::vector<balance::AffinityEntry> others_;
  FakeWire wire_;
  proxy::LaneCounters counters_;
  proxy::Lane lane_;
  std::unique_ptr<sip::Message> scratch_ = std::make_unique<sip::Message>();
  uint64_t given_ = 0;
};

// What has been added between two looks.
[[nodiscard]] Process::Counts since(const Process::Counts& before, const Process::Counts& now);
// "forwarded 2, answered/404 1", or "nothing".
[[nodiscard]] std::string text_of(const Process::Counts& counts);

}  // namespace siplb::test
