#include "app/server_view.h"

namespace siplb::app {
namespace {

using balance::HealthReason;
using balance::HealthState;
using balance::OperatorState;

std::string_view why_down(HealthReason reason) {
  switch (reason) {
    case HealthReason::TimedOut: return "it does not answer probes in time";
    case HealthReason::Refused: return "probes are refused, by a closed port or a reset connection";
    case HealthReason::BadCode: return "it answers probes with a code that proves no life";
    default: return balance::name(reason);
  }
}

std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count()) + " s";
}

std::string down_sentence(const ServerView& view) {
  std::string text = "It is down";
  if (view.health_age) text += " for " + seconds_text(*view.health_age);
  return text + ": " + std::string(why_down(view.reason)) + ".";
}

std::string weight_sentence(const ServerView& view) {
  if (view.set_weight != 0u) return "Its weight is 0 in the configuration.";
  return "An operator has set its weight to 0; the configuration says " +
         std::to_string(view.configured_weight) + ".";
}

bool is_down(const ServerView& view) {
  return view.health == HealthState::Down && !view.is_panicking;
}

bool is_full(uint32_t count, uint32_t max) {
  return max != 0 && count >= max;
}

std::string of_max(uint32_t count, uint32_t max) {
  return std::to_string(count) + " of " + std::to_string(max);
}

}  // namespace

std::vector<std::string> obstacles(const ServerView& view) {
  std::vector<std::string> out;
  if (view.state == OperatorState::Drain) {
    out.emplace_back("An operator drains it: no new work, dialogs go on.");
  }
  if (view.state == OperatorState::Maint) {
    out.emplace_back("An operator has put it into maintenance: no traffic at all.");
  }
  if (view.address.empty()) {
    out.emplace_back("Its name leads to no address for this place.");
  } else if (view.weight == 0) {
    out.push_back(weight_sentence(view));
  }
  if (is_down(view)) out.push_back(down_sentence(view));
  if (view.busy_left > Duration::zero()) {
    out.push_back("It has answered 503: no new work for " + seconds_text(view.busy_left) + ".");
  }
  const uint32_t calls = view.calls + view.reserved_calls;
  if (is_full(calls, view.max_calls)) {
    out.push_back("It has " + of_max(calls, view.max_calls) + " calls (max_calls).");
  }
  if (is_full(view.inflight, view.max_inflight)) {
    out.push_back("It has " + of_max(view.inflight, view.max_inflight) +
                  " requests in flight (max_inflight).");
  }
  return out;
}

bool takes_new_work(const ServerView& view) {
  return obstacles(view).empty();
}

}  // namespace siplb::app
