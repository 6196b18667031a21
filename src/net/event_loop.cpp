#include "net/event_loop.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <sys/eventfd.h>

#include "base/assert.h"

namespace siplb::net {

Watched::~Watched() {
  SIPLB_ASSERT(fd_ == -1);
}

Result<std::unique_ptr<EventLoop>> EventLoop::create(size_t descriptors_max) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return system_error(ErrorCode::EpollSetUp);
  FileDescriptor wake_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_event.is_open()) return system_error(ErrorCode::EventFdOpen);

  // Each write is an edge of its own, so the event is never read; null marks it.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_event.get(), &event) != 0) {
    return system_error(ErrorCode::EpollSetUp);
  }
  return std::unique_ptr<EventLoop>(
      new EventLoop(std::move(epoll), std::move(wake_event), descriptors_max));
}

EventLoop::EventLoop(FileDescriptor epoll, FileDescriptor wake_event, size_t descriptors_max)
    : epoll_(std::move(epoll)),
      wake_event_(std::move(wake_event)),
      descriptors_max_(descriptors_max),
      now_(Clock::now()) {
  ready_.reserve(descriptors_max);
}

Result<void> EventLoop::add(int fd, Events interest, Watched& watched) {
  SIPLB_ASSERT(watched.fd_ == -1);
  if (watched_count_ == descriptors_max_) {
    return tl::unexpected(Error{ErrorCode::EpollSetUp, ENOSPC});
  }
  epoll_event event{};
  event.events = interest | EPOLLET;
  event.data.ptr = &watched;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return system_error(ErrorCode::EpollSetUp);
  }
  watched.fd_ = fd;
  watched.pending_ = 0;
  ++watched_count_;
  return {};
}

void EventLoop::set_interest(Watched& watched, Events interest) {
  SIPLB_ASSERT(watched.fd_ != -1);
  epoll_event event{};
  event.events = interest | EPOLLET;
  event.data.ptr = &watched;
  // Cannot fail for a descriptor that is in the set.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, watched.fd_, &event);
}

void EventLoop::remove(Watched& watched) {
  SIPLB_ASSERT(watched.fd_ != -1);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watched.fd_, nullptr);
  watched.fd_ = -1;
  --watched_count_;
  // Only blanked: dispatch() may be on its way through the list.
  const size_t place = std::exchange(watched.ready_at_, SIZE_MAX);
  if (place != SIZE_MAX) ready_[place] = nullptr;
}

int EventLoop::timeout_ms(std::optional<Instant> deadline) const {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max()));
}

Instant EventLoop::wait(std::optional<Instant> deadline) {
  thread_.check();
  int timeout = 0;
  State running = State::Running;
  if (ready_.empty() && state_.compare_exchange_strong(running, State::Sleeping)) {
    timeout = timeout_ms(deadline);
  }
  const int count =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  // From here on wake() finds us awake; what it announced so far is visible and about to be looked
  // at by the caller.
  state_.exchange(State::Running);
  epoll_returns_.add();
  now_ = Clock::now();
  gather(count);
  return now_;
}

void EventLoop::gather(int count) {
  for (int i = 0; i < count; ++i) {  // count is -1 after a signal
    const epoll_event& event = events_[static_cast<size_t>(i)];
    auto* watched = static_cast<Watched*>(event.data.ptr);
    if (watched == nullptr) continue;
    if (watched->ready_at_ == SIZE_MAX) {
      watched->ready_at_ = ready_.size();
      ready_.push_back(watched);
    }
    watched->pending_ |= event.events;
  }
}

void EventLoop::dispatch(Instant now) {
  thread_.check();
  for (Watched*& entry : ready_) {
    if (entry == nullptr) continue;
    Watched& watched = *entry;
    const Events events = std::exchange(watched.pending_, 0);
    const Events left = watched.on_ready(events, now);
    // A handler that removed itself may be gone by now.
    if (entry == nullptr) continue;
    SIPLB_DASSERT((left & ~events) == 0);
    watched.pending_ = left;
  }
  forget_used_up();
}

void EventLoop::forget_used_up() {
  size_t kept = 0;
  for (Watched* const watched : ready_) {
    if (watched == nullptr) continue;
    const bool is_used_up = watched->pending_ == 0;
    watched->ready_at_ = is_used_up ? SIZE_MAX : kept;
    if (!is_used_up) ready_[kept++] = watched;
  }
  ready_.resize(kept);
}

void EventLoop::wake() {
  if (state_.exchange(State::Woken) != State::Sleeping) return;
  const uint64_t one = 1;
  // Fails only at 2^64 - 1 wake-ups.
  [[maybe_unused]] const ssize_t written = ::write(wake_event_.get(), &one, sizeof one);
}

}  // namespace siplb::net
