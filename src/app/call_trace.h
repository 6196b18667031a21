// A trace: what all workers tell of the messages that it follows, in one stream of JSON lines.
//
//   {"trace": {"seconds": 60, "count": 10000}}           first: from here on all is followed
//   {"time": "...", "seconds": 0.001, "way": "in", ...}  a message (docs/admin-api.md)
//   {"lost": 12}                                         messages that there was no time for
//   {"ended": "time"}                                    last: time, count or stop
//
// There is one at a time. Whoever asks for it waits at its end; when he goes, it goes.
// Thread: one, that of the asker; stop() is for any. Bounds: rings of the workers, Wanted's limits.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/admin_route.h"
#include "proxy/tracer.h"

namespace siplb::app {

// Whose turn it is to trace: the number of the trace that is under way.
class TraceTurn {
 public:
  // Nothing where another one has it.
  [[nodiscard]] std::optional<uint32_t> try_take();
  void give_back() { is_taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> is_taken_{false};
  uint32_t number_ = 0;  // who has the turn may change it
};

class CallTrace final : public AnswerStream {
 public:
  struct Wanted {
    proxy::TraceFilter filter;  // its number is that of the turn
    std::chrono::seconds time_max{};
    size_t count_max = 0;
  };
  // What indexes mean, when the trace begins.
  struct Names {
    std::vector<std::string> servers;  // "pbx/s1"
    std::vector<std::string> listeners;
  };
  // Begins to follow. Requires: the turn is taken by whoever makes this; it is given back in the
  // end. The tracers, of all workers, outlive it.
  CallTrace(std::span<proxy::Tracer* const> tracers, Wanted wanted, Names names,
            std::shared_ptr<TraceTurn> turn);
  ~CallTrace() override;
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  [[nodiscard]] std::optional<std::string> next() override;
  void stop() override { is_stopped_.store(true, std::memory_order_relaxed); }

 private:
  [[nodiscard]] const char* reason_to_end() const;
  void take_records(std::string& out);
  [[nodiscard]] std::string line_of(const proxy::TraceRecord& record) const;
  [[nodiscard]] uint64_t lost() const;

  const std::vector<proxy::Tracer*> tracers_;
  const Wanted wanted_;
  const Names names_;
  const std::shared_ptr<TraceTurn> turn_;
  const Instant began_ = Clock::now();
  const uint64_t lost_before_;
  uint64_t lost_told_ = 0;
  size_t count_ = 0;  // of messages told
  bool has_begun_ = false;
  bool has_ended_ = false;
  std::atomic<bool> is_stopped_{false};
};

}  // namespace siplb::app
