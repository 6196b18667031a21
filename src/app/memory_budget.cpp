#include "app/memory_budget.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <initializer_list>
#include <numeric>
#include <tuple>

#include "app/http_server.h"
#include "app/request_names.h"
#include "balance/affinity.h"
#include "balance/call_counts.h"
#include "balance/call_ledger.h"
#include "balance/load_board.h"
#include "balance/topology.h"
#include "base/event_ring.h"
#include "config/scalar.h"
#include "health/prober.h"
#include "net/datagram_batch.h"
#include "proxy/lane.h"
#include "proxy/pattern.h"
#include "proxy/route_table.h"
#include "proxy/worker.h"
#include "transport/lane_streams.h"
#include "transport/stream_queues.h"

namespace siplb::app {
namespace {

using config::Configuration;
using transport::SlotClass;

constexpr size_t kAutoWorkersMax = 16;
constexpr size_t kLanesPerWorker = 4;

// Shares of what global.memory leaves beside the program, by what is not set in the file. The rest
// is room for what depends on the configuration (receive areas, Maglev tables) and for what the
// file sets itself.
constexpr size_t kSlotsShare = 8;        // one eighth, for messages that wait
constexpr size_t kMailboxShare = 16;     // for messages on the way between workers
constexpr size_t kHeldShare = 8;         // for requests that may have to be sent again
constexpr size_t kContextsShare = 8;     // at 512 MiB: 58,500 requests under way
constexpr size_t kCallsShare = 7;        // at 512 MiB: 2 million calls
constexpr size_t kOthersShare = 14;      // at 512 MiB: a million requests in 64 s, 16,000/s
constexpr size_t kMovedShare = 128;      // at 512 MiB: 65,536 clients that have moved in a dialog
constexpr size_t kUnfinishedShare = 48;  // for messages whose beginning has come by a stream
constexpr size_t kChannelsShare = 32;    // at 512 MiB: for 20,000 connections
constexpr size_t kEndpointShare = 4;     // of a send queue, for one endpoint
constexpr size_t kSourceShare = 8;  // of the short slots for unfinished messages, for one source
// At 512 MiB: 972,000 requests that have ended, 30,000 a second for 32 s.
constexpr size_t kFinishedPerMiB = 2000;

// What nobody else adds up: program, libraries, the stacks in use, what the heap holds after start.
constexpr size_t kProgramOctets = 24 * config::kMiB;
// A page of metrics under way: its families, and their text twice.
constexpr size_t kScrapeOctets = 2 * config::kMiB;
constexpr size_t kScrapeOctetsPerServer = 8 * config::kKiB;
// Connections that a lane may open, besides one to each server of this configuration and to as many
// more: to clients whose own have ended, and where a Request-URI leads.
constexpr size_t kOpenedChannels = 64;
// Places for servers that a reload may bring.
constexpr size_t kServersMore = 64;
// One that metrics were written of, and the old and the new one while what workers see changes.
constexpr size_t kTopologies = 3;
// An entry of a send queue with its share of the counts by endpoint, rounded up.
constexpr size_t kSendEntryOctets = 128;

size_t slot_size(SlotClass size_class) {
  return transport::kSlotSizes[static_cast<size_t>(size_class)];
}

size_t auto_workers(size_t usable_cores) {
  // From four cores up one is left for the supervisor, HTTP and the kernel.
  return std::min(usable_cores >= 4 ? usable_cores - 1 : usable_cores, kAutoWorkersMax);
}

// Half of the octets for short messages, a quarter each for longer ones.
transport::MessageSlotsOptions derive_slots(size_t octets) {
  return {
      .small_count = std::max<size_t>(octets / 2 / slot_size(SlotClass::Small), 64),
      .medium_count = std::max<size_t>(octets / 4 / slot_size(SlotClass::Medium), 16),
      .large_count = std::max<size_t>(octets / 4 / slot_size(SlotClass::Large), 4),
  };
}

net::MailboxOptions derive_mailbox(size_t octets) {
  return {
      .small_count =
          std::bit_floor(std::max<size_t>(octets * 3 / 4 / net::Mailbox::kSmallOctetsMax, 64)),
      .large_count =
          std::bit_floor(std::max<size_t>(octets / 4 / net::Mailbox::kLargeOctetsMax, 4)),
  };
}

// Of a table whose sets have kWays entries.
template <class Entry, size_t kWays>
size_t table_entries(size_t octets, size_t lanes) {
  return std::bit_floor(std::max(octets / lanes / sizeof(Entry), kWays));
}
constexpr auto affinity_entries =
    table_entries<balance::AffinityEntry, balance::AffinityTable::kWays>;
constexpr auto moved_entries = table_entries<proxy::MovedFlow, proxy::MovedFlows::kWays>;

// Room for a pool that doubles, and for some servers at any rate.
size_t server_places(const Configuration& configuration) {
  if (configuration.limits.servers != 0) return configuration.limits.servers;
  return std::min(2 * balance::place_count(configuration.groups) + kServersMore,
                  balance::kServersMax);
}

// With a server for each place of a name, and hollow groups.
std::vector<balance::GroupOptions> with_places(std::vector<balance::GroupOptions> groups) {
  groups.resize(balance::kGroupsMax);
  for (balance::GroupOptions& group : groups) {
    std::vector<balance::ServerOptions> servers;
    for (const balance::ServerOptions& server : group.servers) {
      servers.insert(servers.end(), balance::place_count(server), server);
    }
    group.servers = std::move(servers);
  }
  return groups;
}

size_t tcp_server_count(const Configuration& configuration) {
  size_t count = 0;
  for (const balance::GroupOptions& group : configuration.groups) {
    for (const balance::ServerOptions& server : group.servers) {
      if (server.transport == sip::Transport::Tcp || server.takes_tcp) {
        count += balance::place_count(server);
      }
    }
  }
  return count;
}

// The kernel spreads connections by chance, so a lane has room for twice its share of them.
size_t accepted_per_lane(size_t connections, size_t lanes) {
  return std::min(2 * ((connections + lanes - 1) / lanes), connections);
}

// How many connections there may be where the file does not say it: as many as fit into `octets`.
size_t derive_connections(size_t octets, size_t lanes) {
  const size_t channel = transport::LaneStreams::memory_octets({.channels = 2}) -
                         transport::LaneStreams::memory_octets({.channels = 1});
  const size_t channels = octets / channel;
  const size_t rooms = std::min<size_t>(lanes, 2);  // that each connection is given
  return std::clamp(channels / rooms, config::kConnectionsMin, config::kConnectionsStandard);
}

struct Factor {
  size_t count;
  std::string_view unit;
};

// A consumer that is a product, with its derivation: "2 workers x 64 datagrams x 65536".
Consumer product(std::string_view name, std::initializer_list<Factor> factors) {
  Consumer consumer{name, 1, {}};
  for (const Factor& factor : factors) {
    consumer.octets *= factor.count;
    if (!consumer.derivation.empty()) consumer.derivation += " x ";
    consumer.derivation += std::to_string(factor.count);
    if (!factor.unit.empty()) consumer.derivation.append(" ").append(factor.unit);
  }
  return consumer;
}

std::string line(std::string_view name, size_t octets, std::string_view remark) {
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(), "  %-16.*s %9.1f MiB  %.*s\n",
                static_cast<int>(name.size()), name.data(),
                static_cast<double>(octets) / static_cast<double>(config::kMiB),
                static_cast<int>(remark.size()), remark.data());
  return text.data();
}

void derive_streams(const Configuration& configuration, size_t memory, Sizing& sizing) {
  const config::LimitOptions& limits = configuration.limits;
  const auto has_tcp = [](const transport::ListenerOptions& listener) {
    return listener.has(sip::Transport::Tcp);
  };
  sizing.has_streams =
      std::any_of(configuration.listeners.begin(), configuration.listeners.end(), has_tcp);
  if (!sizing.has_streams) return;

  sizing.unfinished = derive_slots(memory / kUnfinishedShare / sizing.workers);
  const size_t connections = limits.connections != 0
                                 ? limits.connections
                                 : derive_connections(memory / kChannelsShare, sizing.lanes);
  sizing.streams.channels = accepted_per_lane(connections, sizing.lanes) +
                            2 * tcp_server_count(configuration) + kOpenedChannels;
  // What bounds the queues are the slots: a lane has an entry for each that its worker has.
  sizing.streams.queue_entries =
      sizing.slots.small_count + sizing.slots.medium_count + sizing.slots.large_count;
  sizing.streams.channel_entries = limits.connection_queue;
  sizing.streams.channel_octets = limits.connection_queue_bytes;
  sizing.streams.message_octets_max = limits.message_bytes;
  sizing.streams.timers = configuration.stream_timers;
  // Who is silent for so long is given up.
  sizing.streams.timers.queued = Duration::zero();
  for (const balance::GroupOptions& group : configuration.groups) {
    sizing.streams.timers.queued =
        std::max<Duration>(sizing.streams.timers.queued, group.failover.first_response_timeout);
  }
  sizing.census = {.lanes = sizing.lanes,
                   .channels = sizing.streams.channels,
                   .connections_max = connections,
                   .connections_per_source = limits.connections_per_source,
                   .unfinished_per_source = std::max<size_t>(
                       sizing.workers * sizing.unfinished.small_count / kSourceShare, 1)};
}

// What servers take, whatever is left for calls.
std::vector<Consumer> of_servers(const Configuration& configuration, size_t workers,
                                 size_t servers) {
  const std::string count = std::to_string(servers) + " places for servers";
  const size_t groups = balance::kGroupsMax;
  return {
      {"topology",
       kTopologies * balance::Topology::memory_bytes(with_places(configuration.groups), servers),
       std::to_string(kTopologies) + " x " +
           std::to_string(balance::place_count(configuration.groups)) + " servers in " +
           std::to_string(groups) + " groups"},
      {"load-board", balance::LoadBoard::memory_octets(workers, servers),
       std::to_string(workers) + " workers x " + count},
      {"call-counts", balance::CallCounts::memory_octets(servers), count},
      {"prober",
       health::Prober::memory_octets({.reader_count = workers + kStatusReaders,
                                      .server_count = servers,
                                      .group_count = groups}),
       count + ", their probes and signals"},
  };
}

// What is left to be shared out. Where the rest leaves nothing, the sum says so.
size_t memory_to_share(const Configuration& configuration, size_t workers) {
  size_t left = configuration.global.memory_bytes - kProgramOctets - kScrapeOctets;
  const net::DatagramBatchOptions batch;
  left -= std::min(left / 2, workers * batch.datagrams_max * batch.octets_max);
  for (const Consumer& consumer :
       of_servers(configuration, workers, server_places(configuration))) {
    left -= std::min(left / 2, consumer.octets);
  }
  return left;
}

}  // namespace

Sizing derive_sizing(const Configuration& configuration, size_t usable_cores,
                     std::optional<size_t> lanes) {
  const config::GlobalOptions& global = configuration.global;
  Sizing sizing;
  sizing.workers = global.workers != 0 ? global.workers : auto_workers(usable_cores);
  const size_t auto_lanes =
      std::min(std::bit_ceil(kLanesPerWorker * sizing.workers), config::kLanesMax);
  sizing.lanes = lanes.value_or(global.lanes != 0 ? global.lanes : auto_lanes);
  // In the file only an automatic number of workers can be above a number of lanes that is set.
  sizing.workers = std::min(sizing.workers, sizing.lanes);
  sizing.servers = server_places(configuration);

  const size_t memory = memory_to_share(configuration, sizing.workers);
  sizing.slots = derive_slots(memory / kSlotsShare / sizing.workers);
  sizing.held = derive_slots(memory / kHeldShare / sizing.workers);
  sizing.mailbox = derive_mailbox(memory / kMailboxShare / sizing.workers);
  // The queues of a worker's lanes can together hold what its short slots hold.
  const size_t lanes_per_worker = (sizing.lanes + sizing.workers - 1) / sizing.workers;
  sizing.sockets.queue_entries = std::max<size_t>(sizing.slots.small_count / lanes_per_worker, 16);
  sizing.sockets.endpoint_entries = sizing.sockets.queue_entries / kEndpointShare;

  const size_t calls_per_lane = (configuration.limits.calls + sizing.lanes - 1) / sizing.lanes;
  sizing.call_entries = configuration.limits.calls != 0
                            ? std::bit_ceil(calls_per_lane)
                            : affinity_entries(memory / kCallsShare, sizing.lanes);
  sizing.other_entries = affinity_entries(memory / kOthersShare, sizing.lanes);
  sizing.moved_entries = moved_entries(memory / kMovedShare, sizing.lanes);

  const size_t transactions = configuration.limits.transactions != 0
                                  ? configuration.limits.transactions
                                  : memory / kContextsShare / proxy::ContextStore::kSlotOctets;
  sizing.contexts.contexts = (transactions + sizing.lanes - 1) / sizing.lanes;
  sizing.contexts.finished = memory / config::kMiB * kFinishedPerMiB / sizing.lanes;
  sizing.contexts.finished_life =
      std::max(configuration.timers.invite, configuration.timers.non_invite);
  derive_streams(configuration, memory, sizing);
  return sizing;
}

MemoryBudget::MemoryBudget(const Configuration& configuration, const Sizing& sizing)
    : ceiling_(configuration.global.memory_bytes) {
  const Factor workers{sizing.workers, "workers"};
  const Factor lanes{sizing.lanes, "lanes"};
  const size_t servers = sizing.servers;
  const net::DatagramBatchOptions batch;
  const size_t lane_state =
      sizeof(proxy::Lane) + sizeof(proxy::LaneCounters) + sizeof(transport::LaneSockets) +
      proxy::NameWaits::memory_octets() +
      servers * (sizeof(proxy::ServerCounters) + sizeof(int64_t) + sizeof(balance::AnswerTime)) +
      balance::CallLedger::memory_octets(servers) +
      balance::kGroupsMax * (sizeof(proxy::GroupCounters) + sizeof(balance::RetryBudget));
  const transport::MessageSlotsOptions& slots = sizing.slots;
  const transport::MessageSlotsOptions& held = sizing.held;
  constexpr size_t kEntry = sizeof(balance::AffinityEntry);
  const size_t finished_octets =
      proxy::ContextStore::memory_octets({.contexts = 0, .finished = sizing.contexts.finished});
  const size_t contexts_octets =
      proxy::ContextStore::memory_octets(sizing.contexts) - finished_octets;

  consumers_ = {
      {"program", kProgramOctets, "code, libraries, stacks, heap"},
      {"http", kScrapeOctets + balance::place_count(configuration.groups) * kScrapeOctetsPerServer,
       "a page of metrics"},
      product("worker-state", {workers, {sizeof(proxy::Worker), {}}}),
      product("event-rings", {workers, {sizeof(EventRing), {}}}),
      product("receive-areas",
              {workers, {batch.datagrams_max, "datagrams"}, {batch.octets_max, {}}}),
      product("slots-small",
              {workers, {slots.small_count, "slots"}, {slot_size(SlotClass::Small), {}}}),
      product("slots-medium",
              {workers, {slots.medium_count, "slots"}, {slot_size(SlotClass::Medium), {}}}),
      product("slots-large",
              {workers, {slots.large_count, "slots"}, {slot_size(SlotClass::Large), {}}}),
      product("held-small",
              {workers, {held.small_count, "slots"}, {slot_size(SlotClass::Small), {}}}),
      product("held-medium",
              {workers, {held.medium_count, "slots"}, {slot_size(SlotClass::Medium), {}}}),
      product("held-large",
              {workers, {held.large_count, "slots"}, {slot_size(SlotClass::Large), {}}}),
      {"transactions", sizing.lanes * contexts_octets,
       std::to_string(sizing.lanes) + " lanes x " + std::to_string(sizing.contexts.contexts) +
           " under way"},
      {"tombstones", sizing.lanes * finished_octets,
       std::to_string(sizing.lanes) + " lanes x " + std::to_string(sizing.contexts.finished) +
           " finished"},
      product("mailboxes", {workers, {net::Mailbox::memory_octets(sizing.mailbox), {}}}),
      product("lane-state", {lanes, {lane_state, {}}}),
      product("send-queues",
              {lanes, {sizing.sockets.queue_entries, "entries"}, {kSendEntryOctets, {}}}),
      product("affinity-calls", {lanes, {sizing.call_entries, "entries"}, {kEntry, {}}}),
      product("affinity-others", {lanes, {sizing.other_entries, "entries"}, {kEntry, {}}}),
      {"names", RequestNames::memory_octets(), "names in requests of servers"},
      product("moved-flows",
              {lanes, {sizing.moved_entries, "entries"}, {sizeof(proxy::MovedFlow), {}}}),
  };
  for (Consumer& consumer : of_servers(configuration, sizing.workers, sizing.servers)) {
    consumers_.push_back(std::move(consumer));
  }
  if (const size_t expressions = proxy::expression_count(configuration.routes)) {
    consumers_.push_back(product(
        "expressions", {workers, {expressions, "expressions"}, {proxy::kExpressionOctetsMax, {}}}));
  }
  if (sizing.has_streams) add_streams(sizing);
  kernel_ = product("kernel", {lanes,
                               {configuration.listeners.size(), "listeners"},
                               {configuration.limits.socket_receive_bytes, {}}});
}

void MemoryBudget::add_streams(const Sizing& sizing) {
  const Factor workers{sizing.workers, "workers"};
  const transport::MessageSlotsOptions& unfinished = sizing.unfinished;
  const transport::StreamOptions& streams = sizing.streams;
  const size_t queue_octets =
      transport::StreamQueues::memory_octets({.entries = streams.queue_entries});
  const size_t channel_octets = sizeof(transport::LaneStreams) +
                                transport::LaneStreams::memory_octets(streams) - queue_octets;
  for (const auto& [name, count, size_class] :
       {std::tuple{"unfinished-small", unfinished.small_count, SlotClass::Small},
        {"unfinished-medium", unfinished.medium_count, SlotClass::Medium},
        {"unfinished-large", unfinished.large_count, SlotClass::Large}}) {
    consumers_.push_back(product(name, {workers, {count, "slots"}, {slot_size(size_class), {}}}));
  }
  // What a read brings, and a message for another worker's connection in one piece.
  constexpr size_t kAreas = transport::kStreamAreaOctets + net::Mailbox::kLargeOctetsMax;
  consumers_.push_back(product("stream-areas", {workers, {kAreas, {}}}));
  consumers_.push_back({"stream-channels", sizing.lanes * channel_octets,
                        std::to_string(sizing.lanes) + " lanes x " +
                            std::to_string(streams.channels) + " channels, for " +
                            std::to_string(sizing.census.connections_max) + " connections"});
  consumers_.push_back({"stream-queues", sizing.lanes * queue_octets,
                        std::to_string(sizing.lanes) + " lanes x " +
                            std::to_string(streams.queue_entries) + " entries"});
  consumers_.push_back({"stream-census", transport::ConnectionCensus::memory_octets(sizing.census),
                        "sources, and which of " + std::to_string(sizing.lanes * streams.channels) +
                            " channels live"});
}

size_t MemoryBudget::sum() const {
  return std::accumulate(
      consumers_.begin(), consumers_.end(), size_t{0},
      [](size_t sum, const Consumer& consumer) { return sum + consumer.octets; });
}

std::optional<std::string> MemoryBudget::fault() const {
  if (sum() <= ceiling_) return std::nullopt;
  const auto largest =
      std::max_element(consumers_.begin(), consumers_.end(),
                       [](const Consumer& a, const Consumer& b) { return a.octets < b.octets; });
  const size_t needed = (sum() + config::kMiB - 1) / config::kMiB * config::kMiB;
  return "global.memory is " + config::size_text(ceiling_) + ", but " + config::size_text(needed) +
         " are needed; the largest consumer is '" + std::string(largest->name) +
         "': " + largest->derivation;
}

std::string MemoryBudget::table() const {
  std::string text = "memory:\n";
  for (const Consumer& consumer : consumers_) {
    text += line(consumer.name, consumer.octets, consumer.derivation);
  }
  text += line("sum", sum(), "of " + config::size_text(ceiling_) + " (global.memory)");
  text += line(kernel_.name, kernel_.octets, kernel_.derivation + " at most, outside the sum");
  return text;
}

}  // namespace siplb::app
