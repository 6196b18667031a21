// One lane within its worker: its sockets and streams, and the way between them.
//
// It is the receiver of what its sockets bring, so that the worker knows which lane that arrived
// at, and the wire by which its lane sends: over datagrams by its own sockets, over streams by
// whichever lane has the connection. Thread: one, the worker's. Bounds: WorkerOptions; no heap once
// it is built.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/memory_region.h"
#include "proxy/worker.h"

namespace siplb::proxy {

class Worker::LanePort final : public transport::Receiver, public transport::Wire {
 public:
  // `moved` holds the entries of MovedFlows.
  LanePort(Worker& worker, uint8_t lane_index, MemoryRegion moved,
           std::unique_ptr<ContextStore> context_store,
           std::unique_ptr<transport::LaneStreams> lane_streams);

  // The tick has read the clock already.
  void on_batch(std::span<transport::Inbound> batch, Instant /*now*/) override {
    worker_.on_batch(*this, batch);
  }
  void on_undelivered(std::string_view quote, const SockAddress& destination) override {
    worker_.on_undelivered(quote, destination);
  }
  void on_unsent(std::string_view message, const transport::Flow& flow) override {
    worker_.on_unsent(*this, message, flow);
  }
  void on_disconnected(const transport::Flow& connection, uint64_t lanes) override {
    worker_.on_disconnected(connection, lanes);
  }

  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override {
    const auto status =
        flow.is_stream() ? worker_.send_on_stream(*this, flow, pieces) : sockets.send(flow, pieces);
    if (worker_.outlook_.witness != nullptr) worker_.tracer_.on_sent(index, flow, pieces, status);
    return status;
  }
  [[nodiscard]] bool withdraw(const transport::Flow& flow, std::string_view branch) override {
    return flow.is_stream() && worker_.withdraw(*this, flow, branch);
  }
  // Takes this lane's sockets.
  [[nodiscard]] Result<void> add_listener(transport::ListenerIndex listener,
                                          transport::ListenerSockets& from);
  [[nodiscard]] bool is_alive(const transport::Flow& flow) const override {
    return flow.connection.is_none() || worker_.parts_.census.is_alive(flow.connection);
  }

  const uint8_t index;
  LaneCounters counters;
  CounterArray<transport::SendStatus> stream_sends;
  transport::LaneSockets sockets;
  const std::unique_ptr<transport::LaneStreams> streams;  // null where no listener has any
  const std::unique_ptr<ContextStore> contexts;
  Lane lane;

 private:
  Worker& worker_;
  MemoryRegion moved_;
};

// How what is posted to another worker's lane is labelled.
struct Worker::LaneMail {
  enum class Kind : uint8_t {
    Message,       // that belongs to this lane
    Undelivered,   // the beginning of what did not arrive; flow.remote is where it was bound for
    Send,          // by this lane's connection
    Unsent,        // the beginning of what could not be sent by `flow`
    Withdraw,      // what waits for this lane's connection and has this branch
    Disconnected,  // the connection that `flow` names
  };
  transport::Flow flow;
  uint8_t lane = 0;
  uint8_t from_lane = 0;  // with Send
  Kind kind = Kind::Message;
};

}  // namespace siplb::proxy
