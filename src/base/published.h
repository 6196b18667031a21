// One thread's newest word, for readers that must never wait: an immutable value that is replaced
// as a whole.
//
// A reader says which value it looks at, and looks again whether that is still the newest; the
// writer keeps each value until no reader says so (hazard pointers: Michael, 2004). So a reader
// neither locks nor allocates nor frees, and what it has seen stays until it asks again.
// Thread: one writer; one for each reader. Bounds: readers + 2 values.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/assert.h"

namespace siplb {

template <class T>
class Published {
 public:
  // Requires: first is not null.
  Published(size_t reader_count, std::unique_ptr<const T> first) : seats_(reader_count) {
    SIPLB_ASSERT(first != nullptr);
    publish(std::move(first));
  }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  // The writer's: readers see it when they look next. Frees what nobody looks at any more.
  void publish(std::unique_ptr<const T> value) {
    newest_.store(value.get(), std::memory_order_seq_cst);
    kept_.push_back(std::move(value));
    const auto is_over = [this](const std::unique_ptr<const T>& old) {
      return old.get() != newest_.load(std::memory_order_relaxed) && !is_seen(old.get());
    };
    kept_.erase(std::remove_if(kept_.begin(), kept_.end(), is_over), kept_.end());
  }

  // True where no reader looks at an older value: none will see one any more. Thread: the writer.
  [[nodiscard]] bool is_seen_by_all() const {
    const T* const newest = newest_.load(std::memory_order_relaxed);
    return std::all_of(seats_.begin(), seats_.end(), [newest](const Seat& seat) {
      const T* const seen = seat.seen.load(std::memory_order_seq_cst);
      return seen == newest || seen == nullptr;
    });
  }

  // The writer's own look.
  [[nodiscard]] const T& newest() const { return *newest_.load(std::memory_order_relaxed); }

  // The newest value, as reader number `reader` sees it: valid until that reader looks again.
  [[nodiscard]] const T& look(size_t reader) {
    std::atomic<const T*>& seen = seats_[reader].seen;
    const T* value = newest_.load(std::memory_order_acquire);
    if (value == seen.load(std::memory_order_relaxed)) return *value;
    for (;;) {
      // In this order for all threads: else the writer might miss it, and free what is read here.
      seen.store(value, std::memory_order_seq_cst);
      const T* const again = newest_.load(std::memory_order_seq_cst);
      if (again == value) return *value;
      value = again;
    }
  }

  // Values that are still kept.
  [[nodiscard]] size_t kept_for_test() const { return kept_.size(); }

 private:
  struct alignas(64) Seat {
    std::atomic<const T*> seen{nullptr};
  };

  [[nodiscard]] bool is_seen(const T* value) const {
    return std::any_of(seats_.begin(), seats_.end(), [value](const Seat& seat) {
      return seat.seen.load(std::memory_order_seq_cst) == value;
    });
  }

  std::vector<Seat> seats_;
  std::atomic<const T*> newest_{nullptr};
  std::vector<std::unique_ptr<const T>> kept_;  // the writer's
};

}  // namespace siplb
