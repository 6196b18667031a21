// The send queues of a lane's streams: messages in slots, in the order in which they are written.
//
// One store of entries serves all connections, and each has its own queue in it: so many messages
// and octets at most, and no more than a share of the slots that are still free. Thus what peers
// hold who do not read shrinks with their number, and never takes all.
// Thread: one, the lane's worker. Bounds: StreamQueuesOptions; no heap after the constructor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "transport/message_slots.h"
#include "transport/wire.h"

namespace siplb::transport {

struct StreamQueuesOptions {
  size_t entries = 1024;                     // of all queues; at least 1
  size_t queue_entries = 256;                // of one
  size_t queue_octets = 256 * size_t{1024};  // of one; a single message may always wait
};

// One connection's queue; its entries are in the store.
struct StreamQueue {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t head = kNone;
  uint32_t tail = kNone;
  uint32_t count = 0;
  uint32_t octets = 0;        // of the messages, written or not
  uint32_t head_written = 0;  // octets of the first message that have left

  [[nodiscard]] bool is_empty() const { return head == kNone; }
  // Its first message has begun to leave: it can't be taken back.
  [[nodiscard]] bool is_begun() const { return head_written > 0; }
};

class StreamQueues {
 public:
  // `slots` is borrowed.
  StreamQueues(const StreamQueuesOptions& options, MessageSlots& slots);
  [[nodiscard]] static size_t memory_octets(const StreamQueuesOptions& options);

  // Queues a message copied from its pieces, which are not all empty. `share`: it may hold one in
  // so many of the free slots and entries.
  SendStatus append(StreamQueue& queue, std::span<const std::string_view> pieces, size_t share,
                    Instant now);
  // Queues the answer to a ping, which needs no slot; nothing where there is no entry for it.
  void append_pong(StreamQueue& queue, Instant now);

  // What is to be written next, at most `out.size()` pieces; returns their number.
  [[nodiscard]] size_t gather(const StreamQueue& queue, std::span<std::string_view> out) const;
  // So many octets of it have been written; returns the messages that are whole now.
  size_t advance(StreamQueue& queue, size_t octets);
  // Takes out the message that has begun to leave, if there is one: the rest of it can't follow.
  [[nodiscard]] StreamQueue take_begun(StreamQueue& queue);

  // Since when the first message waits that has not begun to leave; nothing where there is none.
  [[nodiscard]] std::optional<Instant> waiting_since(const StreamQueue& queue) const;
  // Takes the first out, and calls on_message(std::string_view) with it unless it is a pong; it
  // dies with the call, which may queue others. Requires: not empty.
  template <class OnMessage>
  void pop(StreamQueue& queue, OnMessage&& on_message) {
    const uint32_t at = detach_front(queue);
    if (!entries_[at].is_pong()) on_message(text_of(entries_[at]));
    release(at);
  }
  // Takes out all for which is_unwanted(std::string_view message, Instant since) holds and that
  // have not begun to leave, into a queue of their own.
  template <class IsUnwanted>
  [[nodiscard]] StreamQueue take_out(StreamQueue& queue, IsUnwanted&& is_unwanted) {
    StreamQueue taken;
    uint32_t before = queue.is_begun() ? queue.head : StreamQueue::kNone;
    for (uint32_t at = first_waiting(queue); at != StreamQueue::kNone;) {
      const Entry entry = entries_[at];
      if (is_unwanted(text_of(entry), entry.since)) {
        detach(queue, before, at);
        attach(taken, at);
      } else {
        before = at;
      }
      at = entry.next;
    }
    return taken;
  }
  // Forgets all.
  void clear(StreamQueue& queue);

  [[nodiscard]] size_t depth() const { return depth_; }

 private:
  struct Entry {
    StoredText message;  // of length 0: a pong, which has no slot
    uint32_t next = StreamQueue::kNone;
    Instant since{};

    [[nodiscard]] bool is_pong() const { return message.length == 0; }
  };

  [[nodiscard]] bool is_full(const StreamQueue& queue, size_t length, size_t share) const;
  [[nodiscard]] uint32_t first_waiting(const StreamQueue& queue) const;
  void add(StreamQueue& queue, const Entry& entry);
  void attach(StreamQueue& queue, uint32_t at);
  void detach(StreamQueue& queue, uint32_t before, uint32_t at);
  uint32_t detach_front(StreamQueue& queue);
  void release(uint32_t at);
  [[nodiscard]] std::string_view text_of(const Entry& entry) const;

  const StreamQueuesOptions options_;
  MessageSlots& slots_;
  std::vector<Entry> entries_;
  uint32_t free_ = StreamQueue::kNone;  // head of the chain of unused entries
  size_t depth_ = 0;
};

}  // namespace siplb::transport
