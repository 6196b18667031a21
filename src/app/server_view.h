// One server as operators see it: what is wanted of it, how it is, and why it gets no new work.
//
// Thread: any, plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "balance/pool_status.h"
#include "base/time.h"
#include "health/transition_log.h"

namespace siplb::app {

struct ServerView {
  std::string group;
  std::string name;     // of a place "s1/3"
  std::string address;  // empty where its name leads nowhere
  sip::Transport transport = sip::Transport::Udp;
  uint8_t priority = 0;

  balance::OperatorState state = balance::OperatorState::Ready;
  uint32_t weight = 0;             // that counts now
  uint32_t configured_weight = 0;  // of the server, whichever its place
  std::optional<uint32_t> set_weight;

  balance::HealthState health = balance::HealthState::Unknown;
  balance::HealthReason reason = balance::HealthReason::Start;
  std::optional<Duration> health_age;  // since its health changed; nothing: it never did
  Duration busy_left{};                // no new work for so long
  bool is_panicking = false;           // of its group: health is ignored

  uint32_t calls = 0;           // answered
  uint32_t reserved_calls = 0;  // an INVITE is under way
  uint32_t max_calls = 0;       // 0: no limit
  uint32_t inflight = 0;
  uint32_t max_inflight = 0;  // 0: no limit
  Duration answer_time{};     // 0: not known

  std::vector<health::Transition> transitions;  // where they were asked for; oldest first
};

// Why it gets no new work, sentence by sentence; empty where it gets some.
[[nodiscard]] std::vector<std::string> obstacles(const ServerView& view);
[[nodiscard]] bool takes_new_work(const ServerView& view);

}  // namespace siplb::app
