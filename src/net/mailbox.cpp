#include "net/mailbox.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/assert.h"

namespace siplb::net {

template <size_t kOctetsMax>
bool MailRing<kOctetsMax>::reserve(size_t count) {
  SIPLB_ASSERT(std::has_single_bit(count));
  SIPLB_ASSERT(count > 1);  // with one cell, posted in this round and free for the next look alike
  cells_.reset(new (std::nothrow) Cell[count]);
  if (cells_ == nullptr) return false;
  mask_ = count - 1;
  reserve_count_ = std::max<uint64_t>(count / 4, 1);
  for (size_t i = 0; i < count; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  return true;
}

template <size_t kOctetsMax>
bool MailRing<kOctetsMax>::try_post(MailClass mail_class, const MailHeader& header,
                                    std::string_view octets) {
  SIPLB_ASSERT(octets.size() <= kOctetsMax);
  const uint64_t ahead = mail_class == MailClass::NewWork ? reserve_count_ : 0;
  uint64_t position = tail_.load(std::memory_order_relaxed);
  do {
    // Cells become free in order: when the one so far ahead is, so are all before it. Less than its
    // position is a turn of the round before: not yet taken. That `position` is still the next one
    // is for the exchange to find out.
    if (at(position + ahead).turn.load(std::memory_order_acquire) < position + ahead) return false;
  } while (!tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed));
  Cell& cell = at(position);
  cell.header = header;
  cell.length = static_cast<uint32_t>(octets.size());
  if (!octets.empty()) std::memcpy(cell.octets.data(), octets.data(), octets.size());
  cell.turn.store(position + 1, std::memory_order_release);
  return true;
}

template <size_t kOctetsMax>
typename MailRing<kOctetsMax>::Cell* MailRing<kOctetsMax>::front() {
  Cell& cell = at(head_);
  return cell.turn.load(std::memory_order_acquire) == head_ + 1 ? &cell : nullptr;
}

template <size_t kOctetsMax>
void MailRing<kOctetsMax>::pop() {
  // Free for whoever posts at this cell's position of the next round.
  at(head_).turn.store(head_ + mask_ + 1, std::memory_order_release);
  ++head_;
}

template class MailRing<Mailbox::kSmallOctetsMax>;
template class MailRing<Mailbox::kLargeOctetsMax>;

Result<std::unique_ptr<Mailbox>> Mailbox::open(const MailboxOptions& options) {
  std::unique_ptr<Mailbox> mailbox(new Mailbox);
  if (!mailbox->small_.reserve(options.small_count) ||
      !mailbox->large_.reserve(options.large_count)) {
    return plain_error(ErrorCode::MemoryReserve);
  }
  return mailbox;
}

size_t Mailbox::memory_octets(const MailboxOptions& options) {
  return sizeof(Mailbox) + options.small_count * sizeof(SmallRing::Cell) +
         options.large_count * sizeof(LargeRing::Cell);
}

PostStatus Mailbox::post(MailClass mail_class, const MailHeader& header, std::string_view octets) {
  if (octets.size() > kLargeOctetsMax) return PostStatus::TooLong;
  if (octets.size() > kSmallOctetsMax) {
    return large_.try_post(mail_class, header, octets) ? PostStatus::Posted : PostStatus::LargeFull;
  }
  return small_.try_post(mail_class, header, octets) ? PostStatus::Posted : PostStatus::SmallFull;
}

}  // namespace siplb::net
