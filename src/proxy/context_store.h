// Where a lane keeps the requests that it relays with state, and how it finds them (DESIGN 5).
//
//   held      the whole request, for repeats and failover: a message slot of the worker's
//   pending   its response context, and beside it the remnant of an INVITE: a slot of kSlotOctets
//   finished  a tombstone
//
// Each that runs out is an ordinary answer: no context -> 503; no slot to hold the request -> it
// goes out unheld; none to keep a final response -> it is made again from its code; no tombstone ->
// the oldest gives way.
// Thread: one, the lane's worker. Bounds: ContextStoreOptions; no heap after reserve().
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/slot_pool.h"
#include "net/timer_wheel.h"
#include "proxy/response_context.h"
#include "transaction/table.h"

namespace siplb::proxy {

struct ContextStoreOptions {
  size_t contexts = 1024;  // requests under way
  size_t finished = 8192;  // tombstones
  Duration finished_life = std::chrono::seconds(32);
};

class ContextStore {
 public:
  static constexpr size_t kSlotOctets = 1088;
  // Longer remnants take a message slot.
  static constexpr size_t kChunkOctets = kSlotOctets - sizeof(ResponseContext);
  static_assert(kChunkOctets >= 448, "the remnant of an ordinary INVITE fits");

  // `slots` is borrowed: it serves all lanes of a worker.
  [[nodiscard]] static Result<std::unique_ptr<ContextStore>> reserve(
      const ContextStoreOptions& options, transport::MessageSlots& slots);
  [[nodiscard]] static size_t memory_octets(const ContextStoreOptions& options);
  ContextStore(const ContextStore&) = delete;
  ContextStore& operator=(const ContextStore&) = delete;

  // A new context that find() gives from now on; null where there is no room.
  // Requires: find() gives no context for these.
  [[nodiscard]] ResponseContext* create(const sip::BranchHash& branch, sip::Method method);

  struct Found {
    ResponseContext* context = nullptr;
    transaction::Tombstone* tombstone = nullptr;  // until the next create or finish
  };
  // What a request or response of that branch and method belongs to: CANCEL and ACK to the INVITE
  // (17.1.3, 17.2.3).
  [[nodiscard]] Found find(const sip::BranchHash& branch, sip::Method method, Instant now);

  // Ends it, leaving `tombstone`: its timer is cancelled and what it holds is given back.
  void finish(ResponseContext& context, const transaction::Tombstone& tombstone, Instant now);
  // Ends it, leaving nothing.
  void remove(ResponseContext& context);

  // These copy; false where there is no room. What was there before is dropped.
  [[nodiscard]] bool hold(ResponseContext& context, std::string_view request);
  [[nodiscard]] bool keep(ResponseContext& context, std::span<const std::string_view> response);
  [[nodiscard]] bool store_remnant(ResponseContext& context, const sip::Message& invite);
  // Calls on_context(context) for each, which may end that one.
  template <class OnContext>
  void for_each(OnContext on_context) {
    for (ResponseContext* const context : contexts_) {
      if (context != nullptr) on_context(*context);
    }
  }

  void drop_held(ResponseContext& context) { drop(context.held); }
  void drop_kept(ResponseContext& context) { drop(context.kept); }

  // What was copied; empty where nothing was. Valid until it is dropped.
  [[nodiscard]] std::string_view held(const ResponseContext& context) const;
  [[nodiscard]] std::string_view kept(const ResponseContext& context) const;
  [[nodiscard]] std::string_view remnant(const ResponseContext& context) const;

  [[nodiscard]] net::TimerWheel& wheel() { return wheel_; }
  [[nodiscard]] const SlotPool& pool() const { return pool_; }
  [[nodiscard]] const transaction::TableCounters& table_counters() const {
    return table_->counters();
  }

 private:
  ContextStore(MemoryRegion region, std::unique_ptr<transaction::Table> table,
               transport::MessageSlots& slots);

  void release(ResponseContext& context);
  [[nodiscard]] bool copy(std::optional<transport::StoredText>& text,
                          std::span<const std::string_view> pieces);
  void drop(std::optional<transport::StoredText>& text);
  [[nodiscard]] std::span<char> chunk(const ResponseContext& context) const;
  [[nodiscard]] std::string_view text_of(const std::optional<transport::StoredText>& text) const;

  SlotPool pool_;
  std::vector<ResponseContext*> contexts_;  // by index of their slots
  std::unique_ptr<transaction::Table> table_;
  transport::MessageSlots& slots_;
  net::TimerWheel wheel_{Instant{}};  // lets go of what is under way when it dies, before the pool
};

}  // namespace siplb::proxy
