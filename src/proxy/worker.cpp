#include "proxy/worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/alloc_guard.h"
#include "proxy/lane_port.h"
#include "proxy/mail_class.h"

namespace siplb::proxy {
namespace {

// Plain data over zeroed memory.
std::span<MovedFlow> entries_of(const MemoryRegion& region) {
  return {reinterpret_cast<MovedFlow*>(region.octets().data()),
          region.octets().size() / sizeof(MovedFlow)};
}

}  // namespace

Worker::LanePort::LanePort(Worker& worker, uint8_t lane_index, MemoryRegion moved,
                           std::unique_ptr<ContextStore> context_store,
                           std::unique_ptr<transport::LaneStreams> lane_streams)
    : index(lane_index),
      counters(worker.outlook_.topology().servers().size(),
               worker.outlook_.topology().groups().size()),
      sockets(*worker.batch_, *worker.slots_, worker.options_.sockets),
      streams(std::move(lane_streams)),
      contexts(std::move(context_store)),
      lane({.index = lane_index,
            .worker = worker.options_.index,
            .lane_count = static_cast<uint32_t>(worker.options_.lane_count),
            .affinity = worker.options_.affinity,
            .timers = worker.options_.timers,
            .started_at = Clock::now(),
            .turns_seed = uint64_t{worker.outlook_.snapshot->seal.instance()} << 8 | lane_index,
            .has_old_tables = worker.options_.has_old_tables},
           worker.outlook_,
           {.memory = {worker.parts_.tables[lane_index].calls,
                       worker.parts_.tables[lane_index].others, entries_of(moved), *contexts},
            .wire = *this,
            .counters = counters,
            .events = worker.parts_.events,
            .load = worker.parts_.load,
            .calls = worker.parts_.calls,
            .health = worker.parts_.health,
            .names = worker.parts_.names}),
      worker_(worker),
      moved_(std::move(moved)) {}

Worker::Worker(const WorkerOptions& options, const Parts& parts)
    : options_(options), parts_(parts), outlook_(look()) {}

Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::create(const WorkerOptions& options, const Parts& parts,
                                               std::span<transport::ListenerSockets> listeners) {
  std::unique_ptr<Worker> worker(new Worker(options, parts));
  if (const auto built = worker->build(listeners); !built) {
    return tl::unexpected<Error>(built.error());
  }
  return worker;
}

Result<void> Worker::build(std::span<transport::ListenerSockets> listeners) {
  const size_t lanes_here =
      (options_.lane_count + options_.worker_count - 1) / options_.worker_count;
  const bool has_streams = std::any_of(listeners.begin(), listeners.end(), [](const auto& sockets) {
    return !sockets.streams_by_lane.empty();
  });
  const size_t channels = has_streams ? options_.streams.channels : 0;
  auto loop = net::EventLoop::create(lanes_here * (2 * transport::kListenersMax + channels));
  if (!loop) return tl::unexpected<Error>(loop.error());
  loop_ = std::move(*loop);
  auto mailbox = net::Mailbox::open(options_.mailbox);
  if (!mailbox) return tl::unexpected<Error>(mailbox.error());
  mailbox_ = std::move(*mailbox);
  auto batch = net::DatagramBatch::reserve({});
  if (!batch) return tl::unexpected<Error>(batch.error());
  batch_ = std::move(*batch);
  auto slots = transport::MessageSlots::reserve(options_.slots);
  if (!slots) return tl::unexpected<Error>(slots.error());
  slots_ = std::move(*slots);
  auto held = transport::MessageSlots::reserve(options_.held);
  if (!held) return tl::unexpected<Error>(held.error());
  held_ = std::move(*held);
  if (has_streams) {
    if (auto reserved = reserve_streams(); !reserved) return reserved;
  }
  for (size_t l = options_.index; l < options_.lane_count; l += options_.worker_count) {
    if (auto added = add_lane(static_cast<uint8_t>(l), listeners); !added) return added;
  }
  return {};
}

Result<void> Worker::reserve_streams() {
  auto unfinished = transport::MessageSlots::reserve(options_.unfinished);
  if (!unfinished) return tl::unexpected<Error>(unfinished.error());
  unfinished_ = std::move(*unfinished);
  auto area = MemoryRegion::reserve(transport::kStreamAreaOctets);
  if (!area) return tl::unexpected<Error>(area.error());
  area_ = std::move(*area);
  auto gathered = MemoryRegion::reserve(net::Mailbox::kLargeOctetsMax);
  if (!gathered) return tl::unexpected<Error>(gathered.error());
  gathered_ = std::move(*gathered);
  return {};
}

Result<void> Worker::add_lane(uint8_t lane, std::span<transport::ListenerSockets> listeners) {
  auto moved = MemoryRegion::reserve(options_.moved_entries * sizeof(MovedFlow));
  if (!moved) return tl::unexpected<Error>(moved.error());
  auto contexts = ContextStore::reserve(options_.contexts, *held_);
  if (!contexts) return tl::unexpected<Error>(contexts.error());
  std::unique_ptr<transport::LaneStreams> streams;
  if (unfinished_ != nullptr) {
    auto reserved = transport::LaneStreams::reserve(
        lane, options_.streams, {*slots_, *unfinished_, area_->octets(), parts_.census});
    if (!reserved) return tl::unexpected<Error>(reserved.error());
    streams = std::move(*reserved);
  }
  ports_.push_back(std::make_unique<LanePort>(*this, lane, std::move(*moved), std::move(*contexts),
                                              std::move(streams)));
  LanePort& port = *ports_.back();
  for (size_t i = 0; i < listeners.size(); ++i) {
    const auto index = static_cast<transport::ListenerIndex>(i);
    if (auto added = port.add_listener(index, listeners[i]); !added) return added;
  }
  if (auto started = port.sockets.start(*loop_, port); !started) return started;
  return port.streams == nullptr ? Result<void>() : port.streams->start(*loop_, port);
}

void Worker::connect(std::span<const std::unique_ptr<Worker>> workers) {
  workers_.clear();
  for (const auto& worker : workers) workers_.push_back(worker.get());
}

void Worker::run() {
  AllocGuard::arm_this_thread();
  parts_.events.post(
      {.at = Clock::now(),
       .id = EventId::WorkerStarted,
       .args = {static_cast<int64_t>(options_.index), static_cast<int64_t>(ports_.size())}});
  while (!stopping_.load(std::memory_order_relaxed)) {
    tick_ = tick_at(loop_->wait(next_deadline()));
    // Before looking: what was published before the task was given is what the task will meet.
    const Task* const task = task_.load(std::memory_order_acquire);
    look_anew();
    take(task);
    drain_mailbox();
    run_timers();
    loop_->dispatch(tick_.now);
    finish_tick();
  }
  AllocGuard::disarm_this_thread();
}

void Worker::finish() {
  tick_ = tick_at(Clock::now());
  const auto drain = [this] {
    return mailbox_->drain(net::Mailbox::kDrainMax, [this](const net::Mail& mail) { take(mail); });
  };
  while (drain() > 0) {
  }
  finish_tick();
}

Outlook Worker::look() {
  return {.snapshot = &parts_.snapshots.look(options_.index),
          .status = &parts_.statuses.look(options_.index),
          .names = &parts_.books.look(options_.index),
          .worker = options_.index};
}

void Worker::look_anew() {
  const NameBook* const before = outlook_.names;
  outlook_ = look();
  outlook_.witness = tracer_.look();
  if (outlook_.names == before) return;
  for (const auto& each : ports_) each->lane.on_names(tick_);
}

void Worker::drain_mailbox() {
  const size_t taken =
      mailbox_->drain(net::Mailbox::kDrainMax, [this](const net::Mail& mail) { take(mail); });
  if (taken == net::Mailbox::kDrainMax) loop_->wake();  // more may wait: do not sleep on it
}

void Worker::take(const net::Mail& mail) {
  const auto label = mail.header.as<LaneMail>();
  const std::string_view octets(mail.octets.data(), mail.octets.size());
  LanePort& to = port(label.lane);
  switch (label.kind) {
    case LaneMail::Kind::Message:
      to.lane.take_over({mail.octets, label.flow}, scratch_, tick_);
      break;
    case LaneMail::Kind::Undelivered: on_undelivered(octets, label.flow.remote); break;
    case LaneMail::Kind::Send:
      if (const auto status = to.streams->send(label.flow, {&octets, 1}, label.from_lane);
          status != transport::SendStatus::Queued) {
        to.stream_sends[status].add();
        on_unsent(to, octets, label.flow);
      }
      break;
    case LaneMail::Kind::Unsent: on_unsent(to, octets, label.flow); break;
    case LaneMail::Kind::Withdraw:
      // Who asked waits for no answer.
      static_cast<void>(to.streams->withdraw(label.flow, octets));
      break;
    case LaneMail::Kind::Disconnected: to.lane.on_disconnected(label.flow, tick_); break;
  }
}

void Worker::run_timers() {
  for (const auto& each : ports_) {
    each->lane.run_timers(tick_);
    if (each->streams != nullptr) each->streams->run_timers(tick_.now);
  }
}

std::optional<Instant> Worker::next_deadline() const {
  std::optional<Instant> next;
  const auto include = [&next](std::optional<Instant> deadline) {
    if (deadline && (!next || *deadline < *next)) next = deadline;
  };
  for (const auto& each : ports_) {
    include(each->lane.next_deadline());
    if (each->streams != nullptr) include(each->streams->next_deadline());
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
  // A mailbox without room loses it: then the server is found silent.
  static_cast<void>(post_to(
      {.flow = {.remote = destination}, .lane = quote->lane, .kind = LaneMail::Kind::Undelivered},
      net::MailClass::Urgent, octets));
}

bool Worker::post_to(const LaneMail& label, net::MailClass mail_class, std::string_view octets) {
  return workers_[label.lane % options_.worker_count]->post(label, mail_class, octets);
}

bool Worker::post(uint8_t lane, const transport::Inbound& inbound) {
  const std::string_view octets(inbound.octets.data(), inbound.octets.size());
  return post({.flow = inbound.flow, .lane = lane}, mail_class_of(octets), octets);
}

bool Worker::post(const LaneMail& label, net::MailClass mail_class, std::string_view octets) {
  if (mailbox_->post(mail_class, net::MailHeader::of(label), octets) != net::PostStatus::Posted) {
    return false;
  }
  loop_->wake();
  return true;
}

void Worker::finish_tick() {
  flush();
  if (outlook_.witness != nullptr) tracer_.publish();
  for (const auto& each : ports_) {
    if (const uint64_t drops = each->sockets.sample_kernel_queues(tick_.now); drops > 0) {
      parts_.events.post({.at = tick_.now,
                          .id = EventId::KernelDrops,
                          .lane = each->index,
                          .args = {static_cast<int64_t>(drops), 0}});
    }
    each->counters.conservation_difference.set(static_cast<uint64_t>(each->counters.difference()));
  }
  counters_.tick_duration.record(Clock::now() - tick_.now);
}

// What can't be sent by one lane may make another one send.
void Worker::flush() {
  const auto has_work = [](const auto& each) {
    return each->streams != nullptr && each->streams->has_marked();
  };
  do {
    for (const auto& each : ports_) {
      if (each->streams != nullptr) each->streams->flush();
      each->sockets.flush();
    }
  } while (std::any_of(ports_.begin(), ports_.end(), has_work));
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
                                       : lane_of(outlook_.snapshot->table_key, call_id,
                                                 static_cast<uint8_t>(options_.lane_count));
  if (home == arrival.index) {
    arrival.lane.receive(inbound, scratch_, tick_);
  } else if (is_mine(home)) {
    arrival.lane.hand_out(inbound);
    port(home).lane.take_over(inbound, scratch_, tick_);
  } else if (inbound.frame_fault != sip::FrameFault::None) {
    arrival.lane.receive(inbound, scratch_, tick_);
  } else if (workers_[home % options_.worker_count]->post(home, inbound)) {
    arrival.lane.hand_out(inbound);
    counters_.mail_posted.add();
  } else {
    arrival.lane.drop_for_full_mailbox(inbound, scratch_, tick_);
    parts_.events.post(
        {.at = tick_.now, .id = EventId::MailboxFull, .lane = arrival.index, .args = {home, 0}});
  }
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
  const LanePort& port = *ports_[n];
  return {port.index,         port.counters,     port.sockets,
          port.streams.get(), port.stream_sends, *port.contexts};
}

}  // namespace siplb::proxy
