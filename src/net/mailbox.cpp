#include "net/mailbox.h"

#include <bit>
#include <new>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

namespace siplb::net {

template <size_t kOctetsMax>
bool MailRing<kOctetsMax>::reserve(size_t count) {
  SIPLB_ASSERT(std::has_single_bit(count));
  SIPLB_ASSERT(count > 1);  // with one cell, posted in this round and free for the next look alike
  cells_.reset(new (std::nothrow) Cell[count]);
  if (cells_ == nullptr) return false;
  mask_ = count - 1;
  for (size_t i = 0; i < count; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  return true;
}

template <size_t kOctetsMax>
bool MailRing<kOctetsMax>::try_post(const MailHeader& header, std::string_view octets) {
  SIPLB_ASSERT(octets.size() <= kOctetsMax);
  uint64_t position = tail_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t turn = at(position).turn.load(std::memory_order_acquire);
    if (turn < position) return false;  // posted a round ago, and not yet taken
    if (turn > position) {              // another poster was faster
      position = tail_.load(std::memory_order_relaxed);
      continue;
    }
    if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) break;
  }
  Cell& cell = at(position);
  cell.header = header;
  cell.length = static_cast<uint32_t>(octets.size());
  if (!octets.empty()) std::memcpy(cell.octets.data(), octets.data(), octets.size());
  // Sequentially consistent for the sake of wake_receiver(), which reads sleeping_ after this.
  cell.turn.store(position + 1, std::memory_order_seq_cst);
  return true;
}

template <size_t kOctetsMax>
typename MailRing<kOctetsMax>::Cell* MailRing<kOctetsMax>::front() {
  Cell& cell = at(head_);
  // Sequentially consistent for begin_sleep(), which reads this after it wrote sleeping_; on the
  // machines we run on it costs no more than acquire.
  return cell.turn.load(std::memory_order_seq_cst) == head_ + 1 ? &cell : nullptr;
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
  const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd < 0) return system_error(ErrorCode::EventFdOpen);
  std::unique_ptr<Mailbox> mailbox(new Mailbox(wake_fd));
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

Mailbox::Mailbox(int wake_fd) : wake_fd_(wake_fd) {}

Mailbox::~Mailbox() {
  close(wake_fd_);
}

PostStatus Mailbox::post(const MailHeader& header, std::string_view octets) {
  if (octets.size() > kLargeOctetsMax) return PostStatus::TooLong;
  if (octets.size() > kSmallOctetsMax) {
    if (!large_.try_post(header, octets)) return PostStatus::LargeFull;
  } else {
    if (!small_.try_post(header, octets)) return PostStatus::SmallFull;
  }
  wake_receiver();
  return PostStatus::Posted;
}

// The poster writes its cell, then reads sleeping_; the receiver writes sleeping_, then reads the
// cells. All four are sequentially consistent, so at least one of the two sees the other's write:
// either the receiver stays awake or it is woken. Of several posters only one rings.
void Mailbox::wake_receiver() {
  if (!sleeping_.load(std::memory_order_seq_cst)) return;
  if (!sleeping_.exchange(false, std::memory_order_relaxed)) return;
  // Cannot fail: the counter is far from its limit, and the receiver closes the eventfd last.
  [[maybe_unused]] const int status = eventfd_write(wake_fd_, 1);
  SIPLB_DASSERT(status == 0);
}

bool Mailbox::begin_sleep() {
  receiver_.check();
  sleeping_.store(true, std::memory_order_seq_cst);
  if (small_.front() == nullptr && large_.front() == nullptr) return true;
  end_sleep();
  return false;
}

void Mailbox::end_sleep() {
  sleeping_.store(false, std::memory_order_relaxed);
}

void Mailbox::clear_wake_up() {
  eventfd_t ignored;
  [[maybe_unused]] const int status = eventfd_read(wake_fd_, &ignored);  // empty is fine, too
}

}  // namespace siplb::net
