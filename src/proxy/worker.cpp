#include "proxy/worker.h"

#include <chrono>

#include "base/alloc_guard.h"
#include "proxy/mail_class.h"

namespace siplb::proxy {
namespace {

// How a message is labelled in a mailbox.
enum class MailKind : uint8_t {
  Message,
  Undelivered,  // the beginning of what did not arrive; flow.remote is where it was bound for
};
struct LaneMail {
  transport::Flow flow;
  uint8_t lane = 0;
  MailKind kind = MailKind::Message;
};

Tick tick_at(Instant now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.now = now,
          .today = static_cast<uint16_t>(std::chrono::floor<std::chrono::days>(wall).count()),
          .minute = static_cast<uint16_t>(std::chrono::floor<std::chrono::minutes>(wall).count())};
}

// Tables of plain data over zeroed memory.
template <class Entry>
std::span<Entry> entries_at(std::span<char> octets) {
  return {reinterpret_cast<Entry*>(octets.data()), octets.size() / sizeof(Entry)};
}

}  // namespace

// One lane and all that is only its own. It is the receiver of its sockets, so that the worker
// knows which lane a batch arrived at.
class Worker::LanePort final : public transport::Receiver {
 public:
  struct Tables {
    MemoryRegion calls;
    MemoryRegion others;
    MemoryRegion moved;
  };

  LanePort(Worker& worker, uint8_t lane_index, Tables tables,
           std::unique_ptr<ContextStore> context_store)
      : index(lane_index),
        counters(worker.snapshot_.topology.servers().size(),
                 worker.snapshot_.topology.groups().size()),
        sockets(*worker.batch_, *worker.slots_, worker.options_.sockets),
        contexts(std::move(context_store)),
        lane({.index = lane_index,
              .lane_count = static_cast<uint32_t>(worker.options_.lane_count),
              .affinity = worker.options_.affinity,
              .timers = worker.options_.timers,
              .started_at = Clock::now()},
             worker.snapshot_,
             {.memory = {entries_at<balance::AffinityEntry>(tables.calls.octets()),
                         entries_at<balance::AffinityEntry>(tables.others.octets()),
                         entries_at<MovedFlow>(tables.moved.octets()), *contexts},
              .routes = *worker.routes_,
              .wire = sockets,
              .counters = counters,
              .events = worker.events_}),
        worker_(worker),
        tables_(std::move(tables)) {}

  // The tick has read the clock already.
  void on_batch(std::span<transport::Inbound> batch, Instant /*now*/) override {
    worker_.on_batch(*this, batch);
  }
  void on_undelivered(std::string_view quote, const SockAddress& destination) override {
    worker_.on_undelivered(quote, destination);
  }

  const uint8_t index;
  LaneCounters counters;
  transport::LaneSockets sockets;
  const std::unique_ptr<ContextStore> contexts;
  Lane lane;

 private:
  Worker& worker_;
  Tables tables_;
};

Worker::Worker(const WorkerOptions& options, const Snapshot& snapshot, EventRing& events)
    : options_(options), snapshot_(snapshot), events_(events) {}

Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::create(const WorkerOptions& options,
                                               const Snapshot& snapshot, EventRing& events,
                                               std::span<transport::ListenerSockets> listeners) {
  std::unique_ptr<Worker> worker(new Worker(options, snapshot, events));
  if (const auto built = worker->build(listeners); !built) {
    return tl::unexpected<Error>(built.error());
  }
  return worker;
}

Result<void> Worker::build(std::span<transport::ListenerSockets> listeners) {
  const size_t lanes_here =
      (options_.lane_count + options_.worker_count - 1) / options_.worker_count;
  auto loop = net::EventLoop::create(lanes_here * listeners.size());
  if (!loop) return tl::unexpected<Error>(loop.error());
  loop_ = std::move(*loop);
  auto mailbox = net::Mailbox::open(options_.mailbox);
  if (!mailbox) return tl::unexpected<Error>(mailbox.error());
  mailbox_ = std::move(*mailbox);
  routes_ = std::make_unique<RouteTable>(snapshot_.routes);
  auto batch = net::DatagramBatch::reserve({});
  if (!batch) return tl::unexpected<Error>(batch.error());
  batch_ = std::move(*batch);
  auto slots = transport::MessageSlots::reserve(options_.slots);
  if (!slots) return tl::unexpected<Error>(slots.error());
  slots_ = std::move(*slots);
  auto held = transport::MessageSlots::reserve(options_.held);
  if (!held) return tl::unexpected<Error>(held.error());
  held_ = std::move(*held);
  for (size_t l = options_.index; l < options_.lane_count; l += options_.worker_count) {
    if (auto added = add_lane(static_cast<uint8_t>(l), listeners); !added) return added;
  }
  return {};
}

Result<void> Worker::add_lane(uint8_t lane, std::span<transport::ListenerSockets> listeners) {
  auto calls = MemoryRegion::reserve(options_.call_entries * sizeof(balance::AffinityEntry));
  if (!calls) return tl::unexpected<Error>(calls.error());
  auto others = MemoryRegion::reserve(options_.other_entries * sizeof(balance::AffinityEntry));
  if (!others) return tl::unexpected<Error>(others.error());
  auto moved = MemoryRegion::reserve(options_.moved_entries * sizeof(MovedFlow));
  if (!moved) return tl::unexpected<Error>(moved.error());
  auto contexts = ContextStore::reserve(options_.contexts, *held_);
  if (!contexts) return tl::unexpected<Error>(contexts.error());
  ports_.push_back(std::make_unique<LanePort>(
      *this, lane, LanePort::Tables{std::move(*calls), std::move(*others), std::move(*moved)},
      std::move(*contexts)));
  transport::LaneSockets& sockets = ports_.back()->sockets;
  for (size_t i = 0; i < listeners.size(); ++i) {
    sockets.add_socket(static_cast<transport::ListenerIndex>(i),
                       std::move(listeners[i].by_lane[lane]));
  }
  return sockets.start(*loop_, *ports_.back());
}

void Worker::connect(std::span<const std::unique_ptr<Worker>> workers) {
  workers_.clear();
  for (const auto& worker : workers) workers_.push_back(worker.get());
}

void Worker::run() {
  AllocGuard::arm_this_thread();
  events_.post(
      {.at = Clock::now(),
       .id = EventId::WorkerStarted,
       .args = {static_cast<int64_t>(options_.index), static_cast<int64_t>(ports_.size())}});
  while (!stopping_.load(std::memory_order_relaxed)) {
    tick_ = tick_at(loop_->wait(next_deadline()));
    drain_mailbox();
    run_timers();
    loop_->dispatch(tick_.now);
    finish_tick();
  }
  AllocGuard::disarm_this_thread();
}

void Worker::drain_mailbox() {
  const auto on_mail = [this](const net::Mail& mail) {
    const auto label = mail.header.as<LaneMail>();
    if (label.kind == MailKind::Undelivered) {
      on_undelivered({mail.octets.data(), mail.octets.size()}, label.flow.remote);
      return;
    }
    port(label.lane).lane.take_over({mail.octets, label.flow}, scratch_, tick_);
  };
  const size_t taken = mailbox_->drain(net::Mailbox::kDrainMax, on_mail);
  if (taken == net::Mailbox::kDrainMax) loop_->wake();  // more may wait: do not sleep on it
}

void Worker::run_timers() {
  for (const auto& each : ports_) each->lane.run_timers(tick_);
}

std::optional<Instant> Worker::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& each : ports_) {
    const auto deadline = each->lane.next_deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

// To the lane that sent it, which knows whether that is true.
void Worker::on_undelivered(std::string_view octets, const SockAddress& destination) {
  const auto quote = sip::read_quote(octets);
  if (!quote || quote->lane >= options_.lane_count) return;
  if (is_mine(quote->lane)) {
    port(quote->lane).lane.on_undelivered(*quote, destination, tick_);
    return;
  }
  const auto label =
      net::MailHeader::of(LaneMail{{.remote = destination}, quote->lane, MailKind::Undelivered});
  // A mailbox without room loses it: then the server is found silent.
  Worker& owner = *workers_[quote->lane % options_.worker_count];
  if (owner.mailbox_->post(net::MailClass::Urgent, label, octets) == net::PostStatus::Posted) {
    owner.loop_->wake();
  }
}

void Worker::finish_tick() {
  for (const auto& each : ports_) {
    each->sockets.flush();
    if (const uint64_t drops = each->sockets.sample_kernel_queues(tick_.now); drops > 0) {
      events_.post({.at = tick_.now,
                    .id = EventId::KernelDrops,
                    .lane = each->index,
                    .args = {static_cast<int64_t>(drops), 0}});
    }
    each->counters.conservation_difference.set(static_cast<uint64_t>(each->counters.difference()));
  }
  counters_.tick_duration.record(Clock::now() - tick_.now);
}

void Worker::on_batch(LanePort& arrival, std::span<const transport::Inbound> batch) {
  for (const transport::Inbound& inbound : batch) dispatch(arrival, inbound);
  // A tick takes many batches from many sockets, and the other workers post all the while.
  drain_mailbox();
}

void Worker::dispatch(LanePort& arrival, const transport::Inbound& inbound) {
  const std::string_view octets(inbound.octets.data(), inbound.octets.size());
  const std::string_view call_id = sip::peek_call_id(octets);
  const uint8_t home = call_id.empty() ? arrival.index
                                       : lane_of(snapshot_.table_key, call_id,
                                                 static_cast<uint8_t>(options_.lane_count));
  if (home == arrival.index) {
    arrival.lane.receive(inbound, scratch_, tick_);
  } else if (is_mine(home)) {
    arrival.lane.hand_out(inbound);
    port(home).lane.take_over(inbound, scratch_, tick_);
  } else if (workers_[home % options_.worker_count]->post(home, inbound)) {
    arrival.lane.hand_out(inbound);
    counters_.mail_posted.add();
  } else {
    arrival.lane.drop_for_full_mailbox(inbound);
    events_.post(
        {.at = tick_.now, .id = EventId::MailboxFull, .lane = arrival.index, .args = {home, 0}});
  }
}

bool Worker::post(uint8_t lane, const transport::Inbound& inbound) {
  const auto label = net::MailHeader::of(LaneMail{inbound.flow, lane});
  const std::string_view octets(inbound.octets.data(), inbound.octets.size());
  if (mailbox_->post(mail_class_of(octets), label, octets) != net::PostStatus::Posted) return false;
  loop_->wake();
  return true;
}

void Worker::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  loop_->wake();
}

bool Worker::is_mine(size_t lane) const {
  return lane % options_.worker_count == options_.index;
}

Worker::LanePort& Worker::port(size_t lane) const {
  return *ports_[lane / options_.worker_count];
}

Worker::LaneView Worker::lane(size_t n) const {
  return {ports_[n]->index, ports_[n]->counters, ports_[n]->sockets, *ports_[n]->contexts};
}

}  // namespace siplb::proxy
