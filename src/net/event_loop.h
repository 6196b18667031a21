// One thread's edge-triggered epoll loop.
//
// An edge does not repeat, so a handler that stops at its budget says which events it has not used
// up, and gets them again at the next tick, without a sleep in between. A tick is
//
//   const Instant now = loop.wait(next_timer);   // the tick's one reading of the clock
//   … mailbox, due timers …
//   loop.dispatch(now);
//   … flush …
//
// Thread: one, except wake(), which any thread may call; the counter may be read by any.
// Bounds: descriptors_max descriptors; no heap after creation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <sys/epoll.h>

#include "base/counter.h"
#include "base/result.h"
#include "base/thread_checker.h"
#include "base/time.h"
#include "net/file_descriptor.h"

namespace siplb::net {

// A set of: readable, writable, failed (an error waits), hung up by the other end.
using Events = uint32_t;
inline constexpr Events kNothing = 0;  // but failures, which the kernel always tells
inline constexpr Events kReadable = EPOLLIN;
inline constexpr Events kWritable = EPOLLOUT;
inline constexpr Events kFailed = EPOLLERR;
inline constexpr Events kHungUp = EPOLLRDHUP | EPOLLHUP;

// Something with a descriptor in the loop. Requires: it is out of the loop when it dies.
class Watched {
 public:
  Watched() = default;
  virtual ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  // Called once per tick while `events` is not empty. Returns those of them that it has not used
  // up; an event that is not returned must have been drained until EAGAIN.
  [[nodiscard]] virtual Events on_ready(Events events, Instant now) = 0;

  [[nodiscard]] bool is_watched() const { return fd_ != -1; }

 private:
  friend class EventLoop;
  int fd_ = -1;  // -1: not in a loop
  Events pending_ = 0;
  size_t ready_at_ = SIZE_MAX;  // its place among those that are ready; SIZE_MAX: none
};

class EventLoop {
 public:
  // Fails where the kernel gives no epoll or eventfd descriptor.
  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> create(size_t descriptors_max);

  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches `fd` for `interest`; failures and hang-ups are always reported. `watched` is borrowed
  // until remove(). Fails with ENOSPC at descriptors_max. Requires: it is in no loop yet.
  [[nodiscard]] Result<void> add(int fd, Events interest, Watched& watched);
  // Replaces the interest; what is ready at this moment counts as an edge.
  void set_interest(Watched& watched, Events interest);
  // Call it before the descriptor is closed. No further on_ready() follows, not even in this tick.
  void remove(Watched& watched);

  // Sleeps until a descriptor is ready, wake() is called or `deadline` is reached (none: no limit),
  // not at all while left-over events wait. Returns the time, which is now() until the next wait().
  // May return early or, rounding up to milliseconds, up to 1 ms after the deadline.
  Instant wait(std::optional<Instant> deadline);
  // Hands out the events gathered by wait(), each descriptor at most once.
  void dispatch(Instant now);

  // Ends the current or else the next sleep. What the caller did before is visible to the loop's
  // thread when wait() returns. Costs a system call only if the loop sleeps.
  void wake();

  [[nodiscard]] Instant now() const { return now_; }
  // How often epoll_wait returned: an idle daemon returns hardly ever.
  [[nodiscard]] const Counter& epoll_returns() const { return epoll_returns_; }

 private:
  enum class State : uint8_t { Running, Sleeping, Woken };

  EventLoop(FileDescriptor epoll, FileDescriptor wake_event, size_t descriptors_max);
  [[nodiscard]] int timeout_ms(std::optional<Instant> deadline) const;
  void gather(int count);
  void forget_used_up();

  FileDescriptor epoll_;
  FileDescriptor wake_event_;
  size_t descriptors_max_;
  size_t watched_count_ = 0;
  std::array<epoll_event, 256> events_;
  std::vector<Watched*> ready_;  // those with pending events, each once; null: removed
  std::atomic<State> state_{State::Running};
  Instant now_;
  Counter epoll_returns_;
  ThreadChecker thread_;
};

}  // namespace siplb::net
