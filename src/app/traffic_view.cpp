#include "app/traffic_view.h"

namespace siplb::app {
namespace {

using Lane = proxy::Worker::LaneView;

template <class OnLane>
void for_each_lane(const proxy::Worker& worker, OnLane&& on_lane) {
  for (size_t n = 0; n < worker.lane_count(); ++n) on_lane(worker.lane(n));
}

template <class OnLane>
void for_each_lane(Workers workers, OnLane&& on_lane) {
  for (const auto& worker : workers) for_each_lane(*worker, on_lane);
}

void add(const proxy::LaneCounters& counters, MessageSums& sums) {
  for (const auto& by_kind : counters.received) sums.received += by_kind.sum();
  sums.forwarded += counters.forwarded.value();
  for (const Counter& counter : counters.answered) sums.answered += counter.value();
  const Counter& unavailable = counters.answered[proxy::answer_code_slot(503)];
  sums.unavailable += unavailable.value();
  sums.dropped += counters.dropped.sum();
}

uint64_t connections_of(const Lane& lane) {
  return lane.streams == nullptr ? 0 : lane.streams->counters().connections.sum();
}

PoolUse use_of(const transport::MessageSlots& slots) {
  PoolUse use;
  for (size_t i = 0; i < static_cast<size_t>(transport::SlotClass::kCount); ++i) {
    const SlotPool& pool = slots.pool(static_cast<transport::SlotClass>(i));
    use.used += pool.counters().used.value();
    use.total += pool.capacity();
  }
  return use;
}

Duration quantile_of(const Histogram& histogram, double quantile) {
  return std::chrono::nanoseconds(histogram.quantile(quantile));
}

}  // namespace

WorkerView worker_view(const proxy::Worker& worker) {
  WorkerView view{.send_slots = use_of(worker.slots()), .held_slots = use_of(worker.held_slots())};
  for_each_lane(worker, [&](const Lane& lane) {
    view.lanes.push_back(lane.index);
    add(lane.counters, view.messages);
    view.transactions += lane.contexts.table_counters().pending.value();
    view.connections += connections_of(lane);
  });
  const Histogram& ticks = worker.counters().tick_duration;
  view.tick_median = quantile_of(ticks, 0.5);
  view.tick_p99 = quantile_of(ticks, 0.99);
  return view;
}

SocketSums socket_sums(Workers workers, transport::ListenerIndex listener) {
  SocketSums sums;
  for_each_lane(workers, [&](const Lane& lane) {
    if (!lane.sockets.has_socket(listener)) return;
    const transport::SocketCounters& counters = lane.sockets.socket_counters(listener);
    sums.kernel_drops += counters.kernel_drops.value();
    sums.kernel_queue_bytes += counters.kernel_queue_bytes.value();
    sums.receive_buffer_bytes += counters.granted_receive_bytes.value();
  });
  return sums;
}

ServerSums server_sums(Workers workers, balance::ServerIndex server) {
  ServerSums sums;
  for_each_lane(workers, [&](const Lane& lane) {
    const proxy::ServerCounters& counters = lane.counters.servers[server];
    sums.requests += counters.requests.value();
    for (size_t i = 0; i < sums.responses.size(); ++i) {
      const Counter& counter = counters.responses[i];
      sums.responses[i] += counter.value();
    }
  });
  return sums;
}

TickSums tick_sums(Workers workers) {
  TickSums sums{};
  for (const auto& worker : workers) {
    const Histogram& ticks = worker->counters().tick_duration;
    for (size_t i = 0; i < kTickBounds.size(); ++i) {
      const auto bound = std::chrono::nanoseconds(kTickBounds[i]).count();
      sums[i] += ticks.count_at_most(static_cast<uint64_t>(bound));
    }
    sums.back() += ticks.count();
  }
  return sums;
}

MessageSums message_sums(Workers workers) {
  MessageSums sums;
  for_each_lane(workers, [&](const Lane& lane) { add(lane.counters, sums); });
  return sums;
}

}  // namespace siplb::app
