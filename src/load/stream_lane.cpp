#include "load/stream_lane.h"

#include <algorithm>

#include <sys/resource.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "sip/message.h"

namespace siplb::load {

namespace {

constexpr size_t kOtherDescriptorsMax = 80;  // listeners, and what the program itself watches
constexpr int kAcceptsPerTick = 256;
constexpr int kReadsPerTick = 16;
constexpr Duration kSlowReadInterval = std::chrono::milliseconds(100);
constexpr Reading kStuck{.stuck = true};
// Keeps the kernel from growing the buffer of who hardly reads, up to megabytes. No less than the
// window that the other end knows already: else its packets are dropped, with what they
// acknowledge.
constexpr int kSlowReceiveBufferBytes = 64 * 1024;
// Of what is opened by a flow that does not say which.
const transport::ConnectionId kAnyOpened({.is_outbound = true, .generation = 1});

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

class StreamLane::Connection final : public net::Watched {
 public:
  enum class End : uint8_t { Replaced, Refused, Lost, Garbled, Reset };

  Connection(StreamLane& lane, const transport::Flow& flow, net::TcpSocket socket)
      : lane_(lane),
        flow_(flow),
        reading_(lane.reading_of(flow)),
        socket_(std::move(socket)),
        framer_(sip::kMessageOctetsMax),
        is_connected_(!flow.connection.is_outbound()),
        is_writable_(is_connected_) {
    if (!reads_slowly() && !reading_.stuck) return;
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVBUF, &kSlowReceiveBufferBytes,
                 sizeof kSlowReceiveBufferBytes);
  }

  [[nodiscard]] const transport::Flow& flow() const { return flow_; }
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  [[nodiscard]] bool is_lost() const { return is_lost_; }
  [[nodiscard]] bool reads_slowly() const { return reading_.octets_per_second > 0; }

  transport::SendStatus put(std::span<const std::string_view> pieces) {
    if (!is_open()) return transport::SendStatus::Gone;
    size_t octets = out_.size() - sent_;
    for (const std::string_view piece : pieces) octets += piece.size();
    if (octets > kQueueOctetsMax) return transport::SendStatus::EndpointFull;
    for (const std::string_view piece : pieces) out_ += piece;
    if (is_writable_ && !std::exchange(is_unflushed_, true)) lane_.unflushed_.push_back(this);
    return transport::SendStatus::Queued;
  }

  void flush() {
    is_unflushed_ = false;
    while (is_open() && is_writable_ && sent_ < out_.size()) {
      const std::string_view rest = std::string_view(out_).substr(sent_);
      const net::StreamResult result = socket_.write({&rest, 1});
      sent_ += result.octets;
      is_writable_ = result.status == net::StreamStatus::Ok;
      if (result.status == net::StreamStatus::Failed) end(End::Lost);
    }
    if (sent_ < out_.size() / 2) return;  // Moving the rest to the front would cost too much.
    out_.erase(0, sent_);
    sent_ = 0;
  }

  // One interval's worth.
  void read_slowly() {
    if (!is_open() || !is_connected_) return;
    const double rate = reading_.octets_per_second;
    allowance_ += rate * std::chrono::duration<double>(kSlowReadInterval).count();
    allowance_ = std::min(allowance_, std::max(rate, 1.0));
    if (allowance_ >= 1) allowance_ -= static_cast<double>(read(static_cast<size_t>(allowance_)));
  }

  net::Events on_ready(net::Events events, Instant /*now*/) override {
    if (!is_connected_ && !try_finish_connecting()) return 0;
    if ((events & net::kWritable) != 0) {
      is_writable_ = true;
      flush();
    }
    if (is_open() && (events & net::kFailed) != 0) end(End::Lost);
    if (reading_.stuck || reads_slowly()) return 0;
    const net::Events readable = events & (net::kReadable | net::kHungUp);
    if (readable == 0) return 0;
    for (int reads = 0; is_open() && reads < kReadsPerTick; ++reads) {
      if (read(lane_.area_.size()) == 0) return 0;
    }
    return is_open() ? readable : 0;
  }

  // It is closed and forgotten; what it still had to send is lost. Requires: is_open(), or it never
  // was.
  void end(End reason) {
    ConnectionCounts& counts = lane_.counts_;
    switch (reason) {
      case End::Replaced: break;
      case End::Refused: ++counts.refused; break;
      case End::Lost: ++counts.lost; break;
      case End::Garbled: ++counts.garbled; break;
      case End::Reset: ++counts.reset; break;
    }
    is_lost_ = reason != End::Replaced;
    if (is_watched()) lane_.loop_->remove(*this);
    if (reason == End::Reset) {
      socket_.reset();
    } else {
      socket_.close();
    }
    lane_.retire(*this);
  }

 private:
  bool try_finish_connecting() {
    if (socket_.take_error() != 0) {
      end(End::Refused);
      return false;
    }
    ++lane_.counts_.opened;
    return is_connected_ = true;
  }

  // How many octets there were; 0 also where it has ended.
  size_t read(size_t octets_max) {
    const std::span<char> area =
        std::span(lane_.area_).first(std::min(octets_max, lane_.area_.size()));
    const net::StreamResult result = socket_.read(area);
    switch (result.status) {
      case net::StreamStatus::Ok: take(area.first(result.octets)); break;
      case net::StreamStatus::Blocked: break;
      case net::StreamStatus::Ended:
      case net::StreamStatus::Failed: end(End::Lost);
    }
    return result.octets;
  }

  void take(std::span<char> octets) {
    if (unfinished_.empty()) {
      const size_t used = cut(octets);
      unfinished_.assign(octets.data() + used, octets.size() - used);
    } else {
      unfinished_.append(octets.data(), octets.size());
      unfinished_.erase(0, cut(unfinished_));
    }
  }

  // Hands out the messages that the octets begin with, and returns how many octets are used up.
  size_t cut(std::span<char> octets) {
    size_t used = 0;
    while (is_open() && used < octets.size()) {
      const std::span<char> rest = octets.subspan(used);
      const sip::Frame frame = framer_.next({rest.data(), rest.size()});
      if (frame.kind == sip::Frame::Kind::More) return used;
      if (frame.kind == sip::Frame::Kind::Broken) {
        end(End::Garbled);
        return used;
      }
      if (frame.kind == sip::Frame::Kind::Message) deliver(rest.first(frame.length));
      if (frame.kind == sip::Frame::Kind::Ping) answer_ping();
      used += frame.length;
    }
    return used;
  }

  void deliver(std::span<char> message) {
    transport::Inbound inbound{.octets = message, .flow = flow_};
    lane_.receiver_->on_batch({&inbound, 1}, lane_.loop_->now());
    ++messages_;
    if (is_open() && reading_.reset_every > 0 && messages_ >= reading_.reset_every) end(End::Reset);
  }

  void answer_ping() {
    const std::string_view pong = "\r\n";
    // Without room there is no pong, as from anybody who is busy.
    (void)put({&pong, 1});
  }

  StreamLane& lane_;
  const transport::Flow flow_;
  const Reading reading_;
  net::TcpSocket socket_;
  sip::StreamFramer framer_;
  std::string unfinished_;  // of what was read
  std::string out_;
  size_t sent_ = 0;  // of out_
  double messages_ = 0;
  double allowance_ = 0;  // octets that a slow reader may read
  bool is_connected_;
  bool is_writable_;
  bool is_unflushed_ = false;
  bool is_lost_ = false;
};

class StreamLane::Acceptor final : public net::Watched {
 public:
  Acceptor(StreamLane& lane, transport::ListenerIndex index, net::TcpListener listener)
      : lane_(lane), index_(index), listener_(std::move(listener)) {}

  [[nodiscard]] net::TcpListener& listener() { return listener_; }

  net::Events on_ready(net::Events events, Instant /*now*/) override {
    for (int i = 0; i < kAcceptsPerTick; ++i) {
      net::Accepted accepted = listener_.accept();
      switch (accepted.status) {
        case net::AcceptStatus::Accepted: lane_.accept(index_, std::move(accepted)); break;
        case net::AcceptStatus::Drained: return 0;
        case net::AcceptStatus::NoDescriptor: ++lane_.counts_.refused; break;
        case net::AcceptStatus::Stuck: return events;
      }
    }
    return events;
  }

 private:
  StreamLane& lane_;
  const transport::ListenerIndex index_;
  net::TcpListener listener_;
};

size_t StreamLane::NameHash::operator()(const Name& name) const {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
  return static_cast<size_t>(name.remote.hash() ^ (name.number + 1) * kGolden);
}

Result<std::unique_ptr<StreamLane>> StreamLane::open(const StreamLaneOptions& options) {
  SIPLB_ASSERT(options.accepted.size() == options.addresses.size());
  raise_descriptor_limit();
  auto loop = net::EventLoop::create(kConnectionsMax + kOtherDescriptorsMax);
  if (!loop) return tl::unexpected(loop.error());
  std::unique_ptr<StreamLane> lane(new StreamLane(options, std::move(*loop)));
  for (const SockAddress& address : options.addresses) {
    auto listener = net::TcpListener::open({.address = address});
    if (!listener) return tl::unexpected(listener.error());
    const auto index = static_cast<transport::ListenerIndex>(lane->addresses_.size());
    lane->addresses_.push_back(listener->address());
    lane->acceptors_.push_back(std::make_unique<Acceptor>(*lane, index, std::move(*listener)));
  }
  return lane;
}

StreamLane::StreamLane(StreamLaneOptions options, std::unique_ptr<net::EventLoop> loop)
    : Lane(std::move(loop)), options_(std::move(options)) {}

StreamLane::~StreamLane() {
  for (const auto& [name, connection] : connections_) loop_->remove(*connection);
  for (const auto& acceptor : acceptors_) {
    if (acceptor->is_watched()) loop_->remove(*acceptor);
  }
}

Result<void> StreamLane::start(transport::Receiver& receiver) {
  receiver_ = &receiver;
  for (const auto& acceptor : acceptors_) {
    if (auto listens = acceptor->listener().listen(); !listens) return listens;
    auto added = loop_->add(acceptor->listener().fd(), net::kReadable, *acceptor);
    if (!added) return added;
  }
  const auto is_slow = [](const Reading& reading) { return reading.octets_per_second > 0; };
  if (is_slow(options_.opened) ||
      std::any_of(options_.accepted.begin(), options_.accepted.end(), is_slow)) {
    next_slow_read_ = loop_->now() + kSlowReadInterval;
  }
  return {};
}

StreamLane::Name StreamLane::name_of(const transport::Flow& flow) {
  if (flow.connection.is_outbound()) return {flow.remote, flow.connection.slot()};
  return {{}, flow.connection.number()};
}

const Reading& StreamLane::reading_of(const transport::Flow& flow) const {
  if (!flow.connection.is_outbound()) return options_.accepted[flow.listener];
  return flow.connection.slot() < options_.stuck_count ? kStuck : options_.opened;
}

StreamLane::Connection& StreamLane::admit(const transport::Flow& flow, net::TcpSocket socket) {
  auto owned = std::make_unique<Connection>(*this, flow, std::move(socket));
  Connection& connection = *owned;
  connections_.emplace(name_of(flow), std::move(owned));
  if (!connection.is_open() ||
      !loop_->add(connection.fd(), net::kReadable | net::kWritable, connection)) {
    connection.end(Connection::End::Refused);
  }
  return connection;
}

void StreamLane::retire(Connection& connection) {
  const auto at = connections_.find(name_of(connection.flow()));
  SIPLB_ASSERT(at != connections_.end());
  ended_.push_back(std::move(at->second));
  connections_.erase(at);
}

void StreamLane::accept(transport::ListenerIndex listener, net::Accepted accepted) {
  ++counts_.accepted;
  const transport::ConnectionId id({.generation = ++accepted_count_});
  admit({.remote = accepted.remote,
         .listener = listener,
         .transport = sip::Transport::Tcp,
         .connection = id},
        std::move(accepted.socket));
}

StreamLane::Connection& StreamLane::connect(const transport::Flow& flow) {
  auto socket = net::TcpSocket::connect(
      {.remote = flow.remote, .local = addresses_[flow.listener].with_port(0)});
  return admit(flow, socket ? std::move(*socket) : net::TcpSocket());
}

transport::SendStatus StreamLane::send(const transport::Flow& flow,
                                       std::span<const std::string_view> pieces) {
  transport::Flow by = flow;
  auto found = connections_.find(name_of(by));
  if (found == connections_.end() && !by.connection.is_outbound()) {
    by.connection = kAnyOpened;
    found = connections_.find(name_of(by));
  }
  if (found == connections_.end()) return connect(by).put(pieces);
  Connection& connection = *found->second;
  if (!by.connection.is_outbound() ||
      connection.flow().connection.generation() >= by.connection.generation()) {
    return connection.put(pieces);
  }
  connection.flush();
  if (connection.is_open()) connection.end(Connection::End::Replaced);
  return connect(by).put(pieces);
}

void StreamLane::flush(Instant now) {
  if (next_slow_read_ && now >= *next_slow_read_) {
    std::vector<Connection*> slow;
    for (const auto& [name, connection] : connections_) {
      if (connection->reads_slowly()) slow.push_back(connection.get());
    }
    for (Connection* connection : slow) connection->read_slowly();
    next_slow_read_ = now + kSlowReadInterval;
  }
  for (Connection* connection : unflushed_) connection->flush();
  unflushed_.clear();
  const std::vector<std::unique_ptr<Connection>> ended = std::exchange(ended_, {});
  for (const auto& connection : ended) {
    if (connection->is_lost()) receiver_->on_disconnected(connection->flow(), 1);
  }
}

}  // namespace siplb::load
