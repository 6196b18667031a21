// The clock of a simulation, and what is going to happen.
//
// Events at the same instant happen in the order in which they were asked for, so that a run
// repeats exactly. Thread: one.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace siplb::test {

class Events {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Instant now() const { return now_; }

  void at(Instant when, Action action) {
    heap_.push_back({.at = when, .order = ++count_, .action = std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }
  void after(Duration pause, Action action) { at(now_ + pause, std::move(action)); }

  // When the next one happens; nothing where there is none.
  [[nodiscard]] std::optional<Instant> next() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().at);
  }
  // Requires: there is one.
  void run_next() {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    const Event event = std::move(heap_.back());
    heap_.pop_back();
    pass(event.at);
    event.action();
  }
  // Lets time pass. Requires: nothing was to happen on the way.
  void pass(Instant until) { now_ = std::max(now_, until); }

 private:
  struct Event {
    Instant at;
    uint64_t order;
    Action action;
  };
  static bool is_later(const Event& a, const Event& b) {
    return std::pair(a.at, a.order) > std::pair(b.at, b.order);
  }

  Instant now_{};
  uint64_t count_ = 0;
  std::vector<Event> heap_;  // the next one first
};

}  // namespace siplb::test
