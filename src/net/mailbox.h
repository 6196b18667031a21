// What other threads hand to one worker: a bounded queue of octets.
//
// Any thread posts, one receives. The octets are copied once, into a cell that was there from the
// start, and are handled in place. Two rings, since few messages are large: small cells of 2 KiB,
// and some of 64 KiB. Each is Vyukov's bounded queue: a sequence number per cell says whose turn it
// is, so neither side waits for a lock. Between the rings order is not kept.
// A quarter of each ring is kept for urgent mail, so that a worker that falls behind loses new work
// first and can still finish what it has begun.
// It wakes nobody: who posts calls the receiver's EventLoop::wake(), which costs a system call only
// when the receiver sleeps, and whose order makes the post visible to the tick that follows.
// Knows octets and a header of up to 64 octets that its users agree on, nothing of SIP.
// Thread: any may post, one drains. Bounds: MailboxOptions; no heap once open.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "base/thread_checker.h"

namespace siplb::net {

// A small plain value that travels with the octets.
class MailHeader {
 public:
  static constexpr size_t kSize = 64;

  template <class T>
  [[nodiscard]] static MailHeader of(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kSize);
    MailHeader header;
    std::memcpy(header.octets_.data(), &value, sizeof value);
    return header;
  }

  // Requires: made by of() from the same type.
  template <class T>
  [[nodiscard]] T as() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kSize);
    T value;
    std::memcpy(&value, octets_.data(), sizeof value);
    return value;
  }

 private:
  std::array<std::byte, kSize> octets_{};
};

// One posted message. The octets may be changed in place; they die when the handler returns.
struct Mail {
  MailHeader header;
  std::span<char> octets;
};

enum class MailClass : uint8_t {
  NewWork,  // leaves a quarter of the ring's cells free, and at least one
  Urgent,   // may take them all
};

enum class [[nodiscard]] PostStatus : uint8_t{
    Posted,
    SmallFull,  // no cell of 2 KiB is free for mail of this class
    LargeFull,  // none of 64 KiB
    TooLong,    // over 64 KiB
};

struct MailboxOptions {  // powers of two, at least 2
  size_t small_count = 1024;
  size_t large_count = 16;
};

template <size_t kOctetsMax>
class MailRing {
 public:
  struct alignas(64) Cell {
    std::atomic<uint64_t> turn;  // = position: free for it; = position + 1: posted
    uint32_t length;
    MailHeader header;
    std::array<char, kOctetsMax> octets;
  };

  [[nodiscard]] bool reserve(size_t count);
  [[nodiscard]] bool try_post(MailClass mail_class, const MailHeader& header,
                              std::string_view octets);
  // The oldest posted cell, or null. It stays so until pop().
  [[nodiscard]] Cell* front();
  void pop();

 private:
  [[nodiscard]] Cell& at(uint64_t position) const { return cells_[position & mask_]; }

  std::unique_ptr<Cell[]> cells_;
  uint64_t mask_ = 0;
  uint64_t reserve_count_ = 0;                 // cells that new work leaves free
  uint64_t head_ = 0;                          // the receiver's
  alignas(64) std::atomic<uint64_t> tail_{0};  // the posters'
};

class Mailbox {
 public:
  // What the worker takes at once, so that one busy sender cannot keep it from its sockets.
  static constexpr size_t kDrainMax = 256;
  static constexpr size_t kSmallOctetsMax = size_t{2} * 1024;
  static constexpr size_t kLargeOctetsMax = size_t{64} * 1024;

  // Requires: both counts are powers of two and at least 2.
  [[nodiscard]] static Result<std::unique_ptr<Mailbox>> open(const MailboxOptions& options);
  // What it will occupy, for the memory budget.
  [[nodiscard]] static size_t memory_octets(const MailboxOptions& options);

  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Copies the octets. From any thread. A full ring is for the caller to count: nothing was taken.
  PostStatus post(MailClass mail_class, const MailHeader& header, std::string_view octets);

  // Calls on_mail(const Mail&) for up to `max` messages, the rings in turn, and returns their
  // number: fewer than `max` when nothing was left. on_mail must not drain.
  template <class OnMail>
  size_t drain(size_t max, OnMail&& on_mail) {
    receiver_.check();
    size_t count = 0;
    size_t before = 0;
    do {
      before = count;
      if (count < max) count += drain_one(small_, on_mail);
      if (count < max) count += drain_one(large_, on_mail);
    } while (count != before);
    return count;
  }

 private:
  using SmallRing = MailRing<kSmallOctetsMax>;
  using LargeRing = MailRing<kLargeOctetsMax>;

  Mailbox() = default;

  template <class Ring, class OnMail>
  static size_t drain_one(Ring& ring, OnMail& on_mail) {
    auto* const cell = ring.front();
    if (cell == nullptr) return 0;
    on_mail(Mail{cell->header, {cell->octets.data(), cell->length}});
    ring.pop();
    return 1;
  }

  ThreadChecker receiver_;
  SmallRing small_;
  LargeRing large_;
};

}  // namespace siplb::net
