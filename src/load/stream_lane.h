// A lane of TCP connections: those that came in at its addresses, and those that it opens.
//
// A generator opens connections by number: a flow whose connection is outbound means the one of
// that slot to its remote address, opened where there is none. A later generation takes the place
// of an earlier one, which is closed: so a call can have a connection of its own. A flow with an
// accepted connection means that one, or, once it is gone, a new one to the flow's remote address
// (RFC 3261, 18.2.2).
// It reads badly on demand (Reading): not at all, slowly, or until it breaks the connection off.
// The lane is this program's own: a judge who shared siplbd's would share its errors.
// Thread: one. Bounds: kConnectionsMax connections, kQueueOctetsMax unsent octets each; heap as
// connections come, and as what is unfinished grows.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "load/faults.h"
#include "load/lane.h"
#include "net/tcp_listener.h"
#include "sip/stream_framer.h"

namespace siplb::load {

struct StreamLaneOptions {
  std::vector<SockAddress> addresses;  // to listen at; port 0: any
  std::vector<Reading> accepted;       // of the connections that come in there, as many
  Reading opened;                      // of the connections that are opened
  uint32_t stuck_count = 0;            // the first of these are not read at all
};

class StreamLane final : public Lane, private transport::Wire {
 public:
  static constexpr size_t kConnectionsMax = 16384;
  static constexpr size_t kQueueOctetsMax = size_t{4} << 20;

  [[nodiscard]] static Result<std::unique_ptr<StreamLane>> open(const StreamLaneOptions& options);
  ~StreamLane() override;

  [[nodiscard]] transport::Wire& wire() override { return *this; }
  [[nodiscard]] Result<void> start(transport::Receiver& receiver) override;
  [[nodiscard]] ConnectionCounts connections() const override { return counts_; }

 private:
  class Acceptor;
  class Connection;

  // Of accepted connections the number alone counts, of opened ones the slot and the remote end.
  struct Name {
    SockAddress remote;
    uint64_t number = 0;
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    size_t operator()(const Name& name) const;
  };

  StreamLane(StreamLaneOptions options, std::unique_ptr<net::EventLoop> loop);
  [[nodiscard]] static Name name_of(const transport::Flow& flow);

  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override;
  void flush(Instant now) override;
  [[nodiscard]] std::optional<Instant> next_deadline() const override { return next_slow_read_; }

  void accept(transport::ListenerIndex listener, net::Accepted accepted);
  [[nodiscard]] Connection& connect(const transport::Flow& flow);
  [[nodiscard]] const Reading& reading_of(const transport::Flow& flow) const;
  // Puts a connection in the loop. Where it has no place there, it has ended.
  Connection& admit(const transport::Flow& flow, net::TcpSocket socket);
  // Takes an ended connection out of the loop; it lives on until flush().
  void retire(Connection& connection);

  const StreamLaneOptions options_;
  ConnectionCounts counts_;
  transport::Receiver* receiver_ = nullptr;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unordered_map<Name, std::unique_ptr<Connection>, NameHash> connections_;
  std::vector<std::unique_ptr<Connection>> ended_;
  std::vector<Connection*> unflushed_;
  std::optional<Instant> next_slow_read_;
  uint32_t accepted_count_ = 0;
  std::array<char, size_t{64} * 1024> area_;  // of one read
};

}  // namespace siplb::load
