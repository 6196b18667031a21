// Requests of a lane that wait until it is known what a name in them leads to.
//
// Each is a response context that has gone nowhere yet, with its request held. It leaves when a
// book knows its name, when it has waited for kPatience, or when its client cancels it. However
// many wait for one name, the lane asks for it once.
// Thread: one, the lane's worker. Bounds: kWaitsMax; no heap after the constructor.
#pragma once

#include <span>
#include <vector>

#include "proxy/counters.h"
#include "proxy/name_book.h"
#include "proxy/response_context.h"

namespace siplb::proxy {

class NameWaits {
 public:
  static constexpr size_t kWaitsMax = 128;
  // A client of UDP repeats its INVITE four times meanwhile and hears a 100; a name server that
  // lives has answered long since.
  static constexpr Duration kPatience = std::chrono::seconds(4);

  // Both are borrowed. What can't be asked or can't wait is counted among names_refused.
  NameWaits(NameAsks& asks, LaneCounters& counters);
  NameWaits(const NameWaits&) = delete;
  NameWaits& operator=(const NameWaits&) = delete;

  // What the constructor takes from the heap.
  [[nodiscard]] static size_t memory_octets() {
    return kWaitsMax * (sizeof(Wait) + sizeof(ResponseContext*));
  }

  enum class [[nodiscard]] Asked : uint8_t{No, Yes};
  // Sees to it that the name is asked for.
  Asked ask(const NameKey& name, Instant now);
  // The same, and the context waits for it. Requires: with Yes, that it is removed before it ends.
  Asked add(ResponseContext& context, const NameKey& name, Instant now);
  // Requires: it waits.
  void remove(const ResponseContext& context);
  // When its patience ends. Requires: it waits.
  [[nodiscard]] Instant until(const ResponseContext& context) const;
  // Those whose names the book has, in the order in which they came: they wait no more. Valid until
  // the next call.
  [[nodiscard]] std::span<ResponseContext* const> take_known(const NameBook& book);

 private:
  struct Wait {
    ResponseContext* context;
    NameKey name;
    Instant until;
  };

  [[nodiscard]] std::vector<Wait>::const_iterator find(const ResponseContext& context) const;
  void count();

  NameAsks& asks_;
  LaneCounters& counters_;
  std::vector<Wait> waits_;
  std::vector<ResponseContext*> known_;
};

}  // namespace siplb::proxy
