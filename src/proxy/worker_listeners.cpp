// Listeners that come and go while a worker runs, and how it is asked to take them.
#include "base/alloc_guard.h"
#include "proxy/lane_port.h"

namespace siplb::proxy {

void Worker::perform(const Task& task) {
  task_.store(&task, std::memory_order_release);
  loop_->wake();
  task_.wait(&task, std::memory_order_acquire);
}

// Whoever asks is a reload: rare, and what it takes of the heap is known to it.
void Worker::take(const Task* task) {
  if (task == nullptr) return;
  const AllocGuardPause pause;
  (*task)();
  task_.store(nullptr, std::memory_order_release);
  task_.notify_one();
}

Result<void> Worker::LanePort::add_listener(transport::ListenerIndex listener,
                                            transport::ListenerSockets& from) {
  if (!from.by_lane.empty()) {
    auto added = sockets.add_socket(listener, std::move(from.by_lane[index]));
    if (!added) return added;
  }
  if (from.streams_by_lane.empty()) return {};
  return streams->add_listener(listener, std::move(from.streams_by_lane[index]));
}

Result<void> Worker::add_listener(transport::ListenerIndex listener,
                                  transport::ListenerSockets& sockets) {
  for (const auto& each : ports_) {
    if (auto added = each->add_listener(listener, sockets); !added) return added;
  }
  return {};
}

void Worker::listen(const ListenerTransport& by) {
  for (const auto& each : ports_) {
    if (by.transport == sip::Transport::Udp) {
      each->sockets.listen(by.listener);
    } else {
      each->streams->listen(by.listener);
    }
  }
}

void Worker::drain_listener(const ListenerTransport& by) {
  if (by.transport != sip::Transport::Udp) return;
  for (const auto& each : ports_) each->sockets.drain(by.listener, tick_.now);
}

void Worker::remove_listener(const ListenerTransport& by,
                             std::span<std::unique_ptr<net::Watched>> removed) {
  for (const auto& each : ports_) {
    removed[each->index] = by.transport == sip::Transport::Udp
                               ? each->sockets.remove_socket(by.listener, tick_.now)
                               : each->streams->remove_listener(by.listener, tick_.now);
  }
}

}  // namespace siplb::proxy
