#include "observe/metrics.h"

#include <array>
#include <cstdlib>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/alloc_guard.h"
#include "observe/family.h"

namespace siplb::observe {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

using Lane = proxy::Worker::LaneView;

constexpr auto kName = [](auto value) { return proxy::name(value); };

std::string_view send_error_name(transport::SendErrorKind kind) {
  switch (kind) {
    case transport::SendErrorKind::Unreachable: return "unreachable";
    case transport::SendErrorKind::NotPermitted: return "not_permitted";
    case transport::SendErrorKind::TooLong: return "too_long_for_path";
    case transport::SendErrorKind::NoBuffers: return "no_buffers";
    case transport::SendErrorKind::Other:
    case transport::SendErrorKind::kCount: break;
  }
  return "other";
}

std::string code_label(size_t slot) {
  return slot < proxy::kAnswerCodes.size() ? std::to_string(proxy::kAnswerCodes[slot]) : "other";
}

void fill_received(Series& out) {
  // No listener has TLS yet.
  for (const auto transport : {sip::Transport::Udp, sip::Transport::Tcp}) {
    const auto t = static_cast<size_t>(transport);
    for (size_t k = 0; k < static_cast<size_t>(proxy::MessageKind::kCount); ++k) {
      const auto kind = static_cast<proxy::MessageKind>(k);
      out.add({{"transport", sip::transport_label(transport)}, {"kind", proxy::name(kind)}},
              out.sum([&](const Lane& lane) -> const Counter& {
                return lane.counters.received[t][kind];
              }));
    }
  }
}

void fill_malformed(Series& out) {
  constexpr auto kFirst = static_cast<size_t>(sip::ScanStatus::KeepAlive) + 1;
  for (size_t i = kFirst; i < static_cast<size_t>(sip::ScanStatus::kCount); ++i) {
    const auto fault = static_cast<sip::ScanStatus>(i);
    out.add({{"reason", sip::scan_status_name(fault)}},
            out.sum([&](const Lane& lane) -> auto& { return lane.counters.scan_faults[fault]; }));
  }
}

void fill_answered(Series& out) {
  for (size_t slot = 0; slot < proxy::kAnswerCodeSlots; ++slot) {
    out.add({{"code", code_label(slot)}}, out.sum([&](const Lane& lane) -> const Counter& {
      return lane.counters.answered[slot];
    }));
  }
}

// Over datagrams and streams.
uint64_t sends(const Series& out, transport::SendStatus status) {
  uint64_t count = 0;
  out.for_each_lane([&](const Lane& lane) {
    count += lane.sockets.counters().send_status[status].value();
    count += lane.stream_sends[status].value();
  });
  return count;
}

void fill_send_failed(Series& out) {
  for (size_t i = 0; i < static_cast<size_t>(transport::SendStatus::kCount); ++i) {
    const auto status = static_cast<transport::SendStatus>(i);
    if (status == transport::SendStatus::Queued) continue;
    out.add({{"reason", send_status_name(status)}}, sends(out, status));
  }
  out.add_by<transport::SendErrorKind>(
      "reason", [](const Lane& lane) -> auto& { return lane.sockets.counters().send_errors; },
      send_error_name);
}

void fill_queue_refused(Series& out) {
  for (const auto status : {transport::SendStatus::QueueFull, transport::SendStatus::EndpointFull,
                            transport::SendStatus::NoSlot}) {
    out.add({{"reason", send_status_name(status)}}, sends(out, status));
  }
}

// One series per listener, the sum of `counter` over its sockets.
void fill_by_listener(Series& out, Counter transport::SocketCounters::*counter) {
  out.for_each_listener([&](transport::ListenerIndex index, std::string_view listener) {
    out.add({{"listener", listener}}, out.sum([&](const Lane& lane) -> const Counter& {
      return lane.sockets.socket_counters(index).*counter;
    }));
  });
}

void fill_icmp_errors(Series& out) {
  out.add_by<transport::IcmpErrorKind>(
      "reason", [](const Lane& lane) -> auto& { return lane.sockets.counters().icmp_errors; },
      [](transport::IcmpErrorKind kind) -> std::string_view {
        return kind == transport::IcmpErrorKind::Refused ? "refused" : "other";
      });
}

void fill_retransmissions(Series& out) {
  out.add_by<proxy::RepeatDirection>(
      "direction", [](const Lane& lane) -> auto& { return lane.counters.retransmissions; }, kName);
}

void fill_steering(Series& out) {
  out.for_each_listener([&](transport::ListenerIndex index, std::string_view listener) {
    out.add({{"listener", listener}}, uint64_t{out.snapshot.steered >> index & 1U});
  });
}

// One series per server, the sum of `counter` over the lanes.
void fill_by_server(Series& out, Counter proxy::ServerCounters::*counter) {
  out.for_each_server(
      [&](balance::ServerIndex index, std::string_view group, std::string_view server) {
        out.add({{"group", group}, {"server", server}},
                out.sum([&](const Lane& lane) -> const Counter& {
                  return lane.counters.servers[index].*counter;
                }));
      });
}

void fill_server_responses(Series& out) {
  static constexpr std::array<std::string_view, 6> kClasses = {"1xx", "2xx", "3xx",
                                                               "4xx", "5xx", "6xx"};
  out.for_each_server(
      [&](balance::ServerIndex index, std::string_view group, std::string_view server) {
        for (size_t c = 0; c < kClasses.size(); ++c) {
          out.add({{"group", group}, {"server", server}, {"code_class", kClasses[c]}},
                  out.sum([&](const Lane& lane) -> const Counter& {
                    return lane.counters.servers[index].responses[c];
                  }));
        }
      });
}

void fill_server_answer_times(Series& out) {
  out.for_each_server([&](balance::ServerIndex index, std::string_view group,
                          std::string_view server) {
    DurationSum sum;
    out.for_each_lane([&](const Lane& lane) { sum.add(lane.counters.servers[index].answer_time); });
    out.add_durations({{"group", group}, {"server", server}}, sum);
  });
}

void fill_server_failovers(Series& out) {
  out.for_each_server(
      [&](balance::ServerIndex index, std::string_view group, std::string_view server) {
        for (size_t r = 0; r < static_cast<size_t>(proxy::FailoverReason::kCount); ++r) {
          const auto reason = static_cast<proxy::FailoverReason>(r);
          out.add({{"group", group}, {"server", server}, {"reason", proxy::name(reason)}},
                  out.sum([&](const Lane& lane) -> const Counter& {
                    return lane.counters.servers[index].failovers[reason];
                  }));
        }
      });
}

void fill_budget_exhausted(Series& out) {
  out.for_each_group([&](balance::GroupIndex index, std::string_view group) {
    out.add({{"group", group}}, out.sum([&](const Lane& lane) -> const Counter& {
      return lane.counters.groups[index].budget_exhausted;
    }));
  });
}

void fill_seal_rejected(Series& out) {
  for (size_t k = 0; k < static_cast<size_t>(proxy::SealKind::kCount); ++k) {
    const auto what = static_cast<proxy::SealKind>(k);
    for (size_t f = 1; f < static_cast<size_t>(sip::SealFault::kCount); ++f) {
      const auto fault = static_cast<sip::SealFault>(f);
      out.add({{"what", proxy::name(what)}, {"reason", sip::seal_fault_name(fault)}},
              out.sum([&](const Lane& lane) -> const Counter& {
                return lane.counters.seal_rejected[k][fault];
              }));
    }
  }
}

// Slots of equal pools, added up.
struct SlotSum {
  uint64_t used = 0;
  uint64_t free = 0;

  void add(const SlotPool& pool) {
    const uint64_t now = pool.counters().used.value();
    used += now;
    free += pool.capacity() - now;
  }
};

void add_slots(Series& out, std::string_view pool, const SlotSum& sum) {
  out.add({{"pool", pool}, {"state", "used"}}, sum.used);
  out.add({{"pool", pool}, {"state", "free"}}, sum.free);
}

// `pools` names the size classes.
void add_message_slots(Series& out, const std::array<std::string_view, 3>& pools,
                       const transport::MessageSlots& (proxy::Worker::*slots_of)() const) {
  for (size_t p = 0; p < pools.size(); ++p) {
    SlotSum sum;
    for (const auto& worker : out.source.workers) {
      sum.add((*worker.*slots_of)().pool(static_cast<transport::SlotClass>(p)));
    }
    add_slots(out, pools[p], sum);
  }
}

void fill_pool_slots(Series& out) {
  add_message_slots(out, {"small", "medium", "large"}, &proxy::Worker::slots);
  add_message_slots(out, {"held-small", "held-medium", "held-large"}, &proxy::Worker::held_slots);
  SlotSum transactions;
  out.for_each_lane([&](const Lane& lane) { transactions.add(lane.contexts.pool()); });
  add_slots(out, "transactions", transactions);
}

void fill_transactions(Series& out) {
  out.add({{"state", "pending"}}, out.sum([](const Lane& lane) -> const Counter& {
    return lane.contexts.table_counters().pending;
  }));
  out.add({{"state", "finished"}}, out.sum([](const Lane& lane) -> const Counter& {
    return lane.contexts.table_counters().finished;
  }));
}

void fill_loop_delay(Series& out) {
  static constexpr std::array<double, 12> kBounds = {
      0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25};
  Histogram all;
  for (const auto& worker : out.source.workers) all.merge(worker->counters().tick_duration);
  out.add_histogram(all, kBounds);
}

void fill_by_worker(Series& out, const Counter& (*counter_of)(const proxy::Worker&)) {
  for (size_t w = 0; w < out.source.workers.size(); ++w) {
    out.add({{"worker", std::to_string(w)}}, counter_of(*out.source.workers[w]).value());
  }
}

void fill_mailbox_messages(Series& out) {
  fill_by_worker(out, [](const proxy::Worker& worker) -> const Counter& {
    return worker.counters().mail_posted;
  });
}

void fill_conservation(Series& out) {
  int64_t difference = 0;
  out.for_each_lane([&](const Lane& lane) {
    difference += std::abs(static_cast<int64_t>(lane.counters.conservation_difference.value()));
  });
  out.add({}, static_cast<double>(difference));
}

#define SIPLB_LANE_SUM(member)                                                            \
  [](Series& out) {                                                                       \
    out.add({}, out.sum([](const Lane& lane) -> const Counter& { return lane.member; })); \
  }

// Both in the order of docs/metrics.md: messages, then what serves them.
constexpr auto kMessageFamilies = std::to_array<Family>({
    {{"siplb_build_info", "gauge", "version", "Always 1; which siplb this is."},
     [](Series& out) {
       out.add({{"version", SIPLB_VERSION}}, uint64_t{1});
     }},
    {{"siplb_up_seconds", "gauge", "", "Seconds since the start."},
     [](Series& out) {
       out.add({}, std::chrono::duration<double>(out.now - out.source.started_at).count());
     }},
    {{"siplb_config_info", "gauge", "hash", "Always 1; a hash of the configuration that runs."},
     [](Series& out) {
       out.add({{"hash", out.snapshot.config_hash}}, uint64_t{1});
     }},
    {{"siplb_draining", "gauge", "", "1 while an operator drains the node: no new work is taken."},
     [](Series& out) {
       out.add({}, uint64_t{out.snapshot.admission == proxy::Admission::DialogsOnly});
     }},
    {{"siplb_config_stale", "gauge", "",
      "1 while the file says something else than what runs: a reload of it was refused."},
     [](Series& out) {
       const ReloadCounters* reloads = out.source.reloads;
       out.add({}, reloads == nullptr ? uint64_t{0} : reloads->is_stale.value());
     }},
    {{"siplb_reloads_total", "counter", "result",
      "Readings of the configuration while siplb runs: done, or refused and without effect."},
     [](Series& out) {
       const ReloadCounters* reloads = out.source.reloads;
       out.add({{"result", "done"}}, reloads == nullptr ? uint64_t{0} : reloads->done.value());
       out.add({{"result", "refused"}},
               reloads == nullptr ? uint64_t{0} : reloads->refused.value());
     }},
    {{"siplb_memory_budget_bytes", "gauge", "consumer", "Memory set aside at start, by consumer."},
     [](Series& out) {
       for (const BudgetLine& line : out.source.budget) {
         out.add({{"consumer", line.consumer}}, static_cast<uint64_t>(line.octets));
       }
     }},

    {{"siplb_messages_received_total", "counter", "transport kind",
      "Messages that arrived; kind is request, response or other."},
     fill_received},
    {{"siplb_messages_forwarded_total", "counter", "", "Messages sent on."},
     SIPLB_LANE_SUM(counters.forwarded)},
    {{"siplb_messages_answered_total", "counter", "code", "Requests that siplb answered itself."},
     fill_answered},
    {{"siplb_messages_absorbed_total", "counter", "reason", "Messages that end here on purpose."},
     [](Series& out) {
       out.add_by<proxy::AbsorbReason>(
           "reason", [](const Lane& lane) -> auto& { return lane.counters.absorbed; }, kName);
     }},
    {{"siplb_messages_dropped_total", "counter", "reason", "Messages dropped, by reason."},
     [](Series& out) {
       out.add_by<proxy::DropReason>(
           "reason", [](const Lane& lane) -> auto& { return lane.counters.dropped; }, kName);
     }},
    {{"siplb_messages_handed_over_total", "counter", "kind",
      "Messages that arrived at another lane than that of their call, and were handed to it."},
     [](Series& out) {
       out.add_by<proxy::MessageKind>(
           "kind", [](const Lane& lane) -> auto& { return lane.counters.handed_out; }, kName);
     }},
    {{"siplb_mailbox_messages_total", "counter", "worker",
      "Those of them that were copied for another worker."},
     fill_mailbox_messages},
    {{"siplb_messages_originated_total", "counter", "kind",
      "Messages of our own making; outside conservation."},
     [](Series& out) {
       out.add_by<proxy::OriginatedKind>(
           "kind", [](const Lane& lane) -> auto& { return lane.counters.originated; }, kName);
     }},
    {{"siplb_retransmissions_total", "counter", "direction",
      "Messages sent again: requests to a server, final responses to a client."},
     fill_retransmissions},
    {{"siplb_duplicate_answers_total", "counter", "",
      "Further 2xx to an INVITE that had one already."},
     SIPLB_LANE_SUM(counters.duplicate_answers)},
    {{"siplb_requests_unheld_total", "counter", "",
      "Requests sent on without a copy, for want of a slot: they can't be repeated or fail over."},
     SIPLB_LANE_SUM(counters.unheld)},
    {{"siplb_requests_over_rate_total", "counter", "",
      "Requests refused because the rate of their route was used up."},
     SIPLB_LANE_SUM(counters.over_rate)},
    {{"siplb_moved_flows_evicted_total", "counter", "",
      "Clients that had moved in a dialog, forgotten for want of room."},
     SIPLB_LANE_SUM(counters.moved_evicted)},
    {{"siplb_expressions_matched_total", "counter", "",
      "Expressions of routes that were matched with a text."},
     SIPLB_LANE_SUM(counters.expressions)},
});

constexpr auto kServiceFamilies = std::to_array<Family>({
    {{"siplb_transactions", "gauge", "state",
      "Requests that state is kept of: under way, or over and remembered."},
     fill_transactions},
    {{"siplb_transactions_evicted_total", "counter", "",
      "Transactions that were over and forgotten early, for want of room."},
     SIPLB_LANE_SUM(contexts.table_counters().evicted_early)},
    {{"siplb_conservation_difference", "gauge", "",
      "Messages taken in less messages decided; anything but 0 is a bug."},
     fill_conservation},
    {{"siplb_requests_total", "counter", "method", "New requests: outside a dialog, no CANCEL."},
     [](Series& out) {
       out.add_by<sip::Method>(
           "method", [](const Lane& lane) -> auto& { return lane.counters.requests; },
           sip::method_name);
     }},
    {{"siplb_messages_malformed_total", "counter", "reason",
      "Messages that are no well-formed SIP, by what is wrong with them."},
     fill_malformed},
    {{"siplb_seal_rejected_total", "counter", "what reason",
      "Seals in a Via or token that did not verify."},
     fill_seal_rejected},

    {{"siplb_server_requests_total", "counter", "group server", "Requests sent to the server."},
     [](Series& out) { fill_by_server(out, &proxy::ServerCounters::requests); }},
    {{"siplb_server_responses_total", "counter", "group server code_class",
      "Responses that came from the server."},
     fill_server_responses},
    {{"siplb_server_answer_seconds", "histogram", "group server",
      "From a request to the server's first answer to it."},
     fill_server_answer_times},
    {{"siplb_server_failovers_total", "counter", "group server reason",
      "Requests that left the server for another, and why."},
     fill_server_failovers},
    {{"siplb_retry_budget_exhausted_total", "counter", "group",
      "Requests that stayed with a failing server: the group's retry budget was spent."},
     fill_budget_exhausted},
    {{"siplb_affinity_evicted_total", "counter", "",
      "Affinity entries that gave way to a newer one before their time."},
     SIPLB_LANE_SUM(counters.affinity.evicted)},
    {{"siplb_affinity_torn_total", "counter", "", "Affinity entries whose check failed."},
     SIPLB_LANE_SUM(counters.affinity.torn)},
    {{"siplb_calls_without_affinity_total", "counter", "",
      "Calls forwarded without an affinity entry: no room, or another's entry is there."},
     SIPLB_LANE_SUM(counters.loose_calls)},

    {{"siplb_send_failed_total", "counter", "reason", "Messages that could not be sent."},
     fill_send_failed},
    {{"siplb_queue_refused_total", "counter", "reason",
      "Messages that a send queue had no room for."},
     fill_queue_refused},
    {{"siplb_queue_depth", "gauge", "direction", "Messages in the send queues."},
     [](Series& out) {
       out.add({{"direction", "out"}}, out.sum([](const Lane& lane) -> const Counter& {
         return lane.sockets.counters().queue_depth;
       }));
     }},
    {{"siplb_pool_slots", "gauge", "pool state", "Slots of the pools, used and free."},
     fill_pool_slots},
    {{"siplb_icmp_errors_total", "counter", "reason", "ICMP errors that came back."},
     fill_icmp_errors},
    {{"siplb_datagrams_truncated_total", "counter", "",
      "Datagrams longer than a receive buffer, dropped."},
     SIPLB_LANE_SUM(sockets.counters().received_truncated)},
    {{"siplb_kernel_drops_total", "counter", "listener",
      "Datagrams that the kernel dropped because a receive queue was full."},
     [](Series& out) { fill_by_listener(out, &transport::SocketCounters::kernel_drops); }},
    {{"siplb_kernel_queue_bytes", "gauge", "listener",
      "Octets in the kernel's receive queues, at their last reading."},
     [](Series& out) { fill_by_listener(out, &transport::SocketCounters::kernel_queue_bytes); }},
    {{"siplb_receive_buffer_bytes", "gauge", "listener",
      "Receive buffer that the kernel granted, all lanes together."},
     [](Series& out) { fill_by_listener(out, &transport::SocketCounters::granted_receive_bytes); }},
    {{"siplb_steering_attached", "gauge", "listener",
      "1 where the kernel gives responses to the lane of their call, 0 where it would not."},
     fill_steering},

    {{"siplb_loop_delay_seconds", "histogram", "",
      "How long a tick of a worker's loop took: so long a message may wait for its turn."},
     fill_loop_delay},
    {{"siplb_loop_wakeups_total", "counter", "worker", "Returns from epoll."},
     [](Series& out) {
       fill_by_worker(out, [](const proxy::Worker& worker) -> const Counter& {
         return worker.loop().epoll_returns();
       });
     }},
    {{"siplb_worker_heap_allocations_total", "counter", "",
      "Heap allocations on worker threads; they are built to make none."},
     [](Series& out) { out.add({}, AllocGuard::allocations()); }},
});

#undef SIPLB_LANE_SUM

template <class Take>
void for_each_family(Take&& take) {
  for (const Family& each : kMessageFamilies) take(each);
  for (const Family& each : kServiceFamilies) take(each);
  for (const Family& each : health_families()) take(each);
  for (const Family& each : stream_families()) take(each);
}

MetricType type_of(std::string_view type) {
  if (type == "counter") return MetricType::Counter;
  if (type == "gauge") return MetricType::Gauge;
  return MetricType::Histogram;
}

}  // namespace

std::string_view send_status_name(transport::SendStatus status) {
  switch (status) {
    case transport::SendStatus::Queued: return "queued";
    case transport::SendStatus::QueueFull: return "queue_full";
    case transport::SendStatus::EndpointFull: return "endpoint_full";
    case transport::SendStatus::NoSlot: return "no_slot";
    case transport::SendStatus::TooLong: return "too_long";
    case transport::SendStatus::NoSocket: return "no_socket";
    case transport::SendStatus::Gone: return "gone";
    case transport::SendStatus::Unreachable: return "refused";
    case transport::SendStatus::NoConnection: return "no_connection";
    case transport::SendStatus::MailboxFull: return "mailbox_full";
    case transport::SendStatus::kCount: break;
  }
  return "other";
}

std::string Metrics::scrape(Instant now) const {
  const std::lock_guard lock(mutex_);
  const proxy::Snapshot& snapshot = source_.snapshots.look(source_.snapshot_reader);
  std::vector<MetricFamily> families;
  families.reserve(kMessageFamilies.size() + kServiceFamilies.size());
  for_each_family([&](const Family& each) {
    MetricFamily& family = families.emplace_back();
    family.name = each.reference.name;
    family.help = each.reference.help;
    family.type = type_of(each.reference.type);
    Series series(family, source_, snapshot, now);
    each.fill(series);
  });
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<MetricReference> metric_references() {
  std::vector<MetricReference> references;
  for_each_family([&](const Family& each) { references.push_back(each.reference); });
  return references;
}

}  // namespace siplb::observe
