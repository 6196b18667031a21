// How many connections there are, in all and of each source, and which of them live: what all lanes
// share of them.
//
// The kernel spreads one source's connections over all lanes, so only a common count can bound
// them; the same holds for the large slots that keep unfinished messages. Connections that we open
// count only where the Via of a client made us do so; the lanes bound the number of others.
// Whether a connection lives is known to every thread, so that a message for one that has ended is
// sent elsewhere at once; it may end the moment after. So is where it comes from, for operators.
// Thread: any. Bounds: the options; no heap after the constructor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/address.h"
#include "transport/connection_id.h"
#include "transport/flow.h"
#include "transport/source_counts.h"

namespace siplb::transport {

struct ConnectionCensusOptions {
  size_t lanes = 1;
  size_t channels = 1024;  // per lane
  size_t connections_max = 20000;
  size_t connections_per_source = 1000;
  size_t unfinished_per_source = 1000;  // messages that have not come wholly
  uint64_t seed = 0;                    // random: see SourceCounts
};

enum class [[nodiscard]] Admission : uint8_t{Admitted, Full, SourceFull, kCount};

class ConnectionCensus {
 public:
  // Unfinished messages of one source that may have a large slot at a time: there are few of these,
  // and a message that needs one is rare.
  static constexpr size_t kLargePerSource = 2;

  explicit ConnectionCensus(const ConnectionCensusOptions& options);
  [[nodiscard]] static size_t memory_octets(const ConnectionCensusOptions& options);

  // Counts a connection of `source`, if it is admitted.
  Admission admit(const SockAddress& source);
  // It has ended. Requires: admitted.
  void leave(const SockAddress& source);
  // At most connections_max, but for one that is just being refused.
  [[nodiscard]] size_t accepted() const { return accepted_.load(std::memory_order_relaxed); }

  // Counts an unfinished message of `source`, if it may have one more: there are fewer slots for
  // them than connections.
  [[nodiscard]] bool admit_unfinished(const SockAddress& source);
  // It is whole, or forgotten. Requires: admitted.
  void leave_unfinished(const SockAddress& source);
  // Counts a large slot of `source`, if it may have one more.
  [[nodiscard]] bool admit_large(const SockAddress& source);
  // It is free again. Requires: admitted.
  void leave_large(const SockAddress& source);

  // By the lane that has it: flow.connection begins or ceases to live. Requires: a lane and slot
  // within the options.
  void set_alive(const Flow& flow);
  void set_ended(ConnectionId id);
  // False too for what no connection of this process is named.
  [[nodiscard]] bool is_alive(ConnectionId id) const;

  struct Living {
    ConnectionId id;
    ListenerIndex listener = 0;
    SockAddress source;  // the other end without its port; of IPv6 its /64
  };
  // Shows each connection that lives. One that begins or ends meanwhile is shown or not.
  void for_each_living(const std::function<void(const Living&)>& show) const;

  [[nodiscard]] const ConnectionCensusOptions& options() const { return options_; }

 private:
  // Of a lane and a slot.
  struct Place {
    std::atomic<uint64_t> number{0};  // of the id; 0: none lives
    std::atomic<uint64_t> source{0};
    std::atomic<ListenerIndex> listener{0};
  };

  [[nodiscard]] bool has_place(ConnectionId id) const;
  [[nodiscard]] size_t place_of(ConnectionId id) const;

  const ConnectionCensusOptions options_;
  std::atomic<size_t> accepted_{0};
  SourceCounts accepted_by_source_;
  SourceCounts unfinished_by_source_;
  SourceCounts large_by_source_;
  std::vector<Place> places_;  // by lane and slot
};

}  // namespace siplb::transport
