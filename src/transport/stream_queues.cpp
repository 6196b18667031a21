#include "transport/stream_queues.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace siplb::transport {
namespace {

constexpr std::string_view kPong = "\r\n";
// A connection may always have so many messages waiting, however few places are free.
constexpr size_t kShareMin = 4;

}  // namespace

StreamQueues::StreamQueues(const StreamQueuesOptions& options, MessageSlots& slots)
    : options_(options), slots_(slots), entries_(options.entries) {
  SIPLB_ASSERT(options.entries > 0);
  for (uint32_t i = 0; i < entries_.size(); ++i) entries_[i].next = std::exchange(free_, i);
}

size_t StreamQueues::memory_octets(const StreamQueuesOptions& options) {
  return options.entries * sizeof(Entry);
}

bool StreamQueues::is_full(const StreamQueue& queue, size_t length, size_t share) const {
  if (queue.is_empty()) return false;
  const size_t free =
      std::min(slots_.pool(SlotClass::Small).free_count(), entries_.size() - depth_);
  const size_t fair = std::max(free / share, kShareMin);
  return queue.count >= std::min(options_.queue_entries, fair) ||
         queue.octets + length > options_.queue_octets;
}

SendStatus StreamQueues::append(StreamQueue& queue, std::span<const std::string_view> pieces,
                                size_t share, Instant now) {
  const size_t length = length_of(pieces);
  SIPLB_DASSERT(length > 0);
  if (length > kSlotSizes.back()) return SendStatus::TooLong;
  if (free_ == StreamQueue::kNone) return SendStatus::QueueFull;
  if (is_full(queue, length, share)) return SendStatus::EndpointFull;
  const auto message = slots_.store(pieces);
  if (!message) return SendStatus::NoSlot;
  add(queue, {.message = *message, .since = now});
  return SendStatus::Queued;
}

void StreamQueues::append_pong(StreamQueue& queue, Instant now) {
  if (free_ == StreamQueue::kNone || queue.count >= options_.queue_entries) return;
  add(queue, {.message = {}, .since = now});
}

void StreamQueues::add(StreamQueue& queue, const Entry& entry) {
  const uint32_t at = free_;
  free_ = entries_[at].next;
  entries_[at] = entry;
  attach(queue, at);
}

void StreamQueues::attach(StreamQueue& queue, uint32_t at) {
  Entry& entry = entries_[at];
  entry.next = StreamQueue::kNone;
  (queue.is_empty() ? queue.head : entries_[queue.tail].next) = at;
  queue.tail = at;
  ++queue.count;
  queue.octets += entry.message.length;
  ++depth_;
}

void StreamQueues::detach(StreamQueue& queue, uint32_t before, uint32_t at) {
  const Entry& entry = entries_[at];
  (before == StreamQueue::kNone ? queue.head : entries_[before].next) = entry.next;
  if (queue.tail == at) queue.tail = before;
  if (before == StreamQueue::kNone) queue.head_written = 0;
  --queue.count;
  queue.octets -= entry.message.length;
  --depth_;
}

uint32_t StreamQueues::detach_front(StreamQueue& queue) {
  const uint32_t at = queue.head;
  detach(queue, StreamQueue::kNone, at);
  return at;
}

void StreamQueues::release(uint32_t at) {
  Entry& entry = entries_[at];
  if (!entry.is_pong()) slots_.give_back(entry.message.slot);
  entry.next = std::exchange(free_, at);
}

std::string_view StreamQueues::text_of(const Entry& entry) const {
  return entry.is_pong() ? kPong : slots_.text_of(entry.message);
}

size_t StreamQueues::gather(const StreamQueue& queue, std::span<std::string_view> out) const {
  size_t count = 0;
  for (uint32_t at = queue.head; at != StreamQueue::kNone && count < out.size();
       at = entries_[at].next) {
    out[count++] = text_of(entries_[at]);
  }
  if (count > 0) out.front().remove_prefix(queue.head_written);
  return count;
}

size_t StreamQueues::advance(StreamQueue& queue, size_t octets) {
  size_t messages = 0;
  octets += queue.head_written;
  while (!queue.is_empty()) {
    const size_t length = text_of(entries_[queue.head]).size();
    if (octets < length) break;
    octets -= length;
    if (!entries_[queue.head].is_pong()) ++messages;
    release(detach_front(queue));
  }
  queue.head_written = static_cast<uint32_t>(octets);
  return messages;
}

StreamQueue StreamQueues::take_begun(StreamQueue& queue) {
  StreamQueue taken;
  if (queue.is_begun()) attach(taken, detach_front(queue));
  return taken;
}

uint32_t StreamQueues::first_waiting(const StreamQueue& queue) const {
  return queue.is_begun() ? entries_[queue.head].next : queue.head;
}

std::optional<Instant> StreamQueues::waiting_since(const StreamQueue& queue) const {
  const uint32_t at = first_waiting(queue);
  if (at == StreamQueue::kNone) return std::nullopt;
  return entries_[at].since;
}

void StreamQueues::clear(StreamQueue& queue) {
  while (!queue.is_empty()) release(detach_front(queue));
}

}  // namespace siplb::transport
