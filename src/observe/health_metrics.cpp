// The metrics of servers' health, of the calls they have, of the names that lead to them, and of
// those that they write into requests.
#include <algorithm>
#include <array>

#include "observe/family.h"

namespace siplb::observe {
namespace {

using balance::HealthState;
using balance::OperatorState;
using balance::ServerIndex;

// Before there is a prober all are unknown, and nothing was counted.
const balance::PoolStatus& status_of(const Series& out) {
  static const balance::PoolStatus kNone(balance::kServersMax, balance::kGroupsMax);
  Published<balance::PoolStatus>* status = out.source.status;
  return status == nullptr ? kNone : status->look(out.source.status_reader);
}

const health::ProbeCounters& probes_of(const Series& out, ServerIndex server) {
  static const health::ProbeCounters kNone;
  return out.source.prober == nullptr ? kNone : out.source.prober->counters(server);
}

// What an operator would call it: what people have set goes before what probes have found.
std::string_view state_name(const balance::ServerStatus& status, Instant now) {
  if (status.operator_state != OperatorState::Ready) return name(status.operator_state);
  if (status.health != HealthState::Down && now < status.busy_until) return "busy";
  return name(status.health);
}

void fill_up(Series& out) {
  const balance::PoolStatus& status = status_of(out);
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    out.add({{"group", group}, {"server", server}},
            uint64_t{status.servers[index].health != HealthState::Down});
  });
}

void fill_state(Series& out) {
  static const std::array<std::string_view, 6> kStates = {
      name(HealthState::Unknown), name(HealthState::Up),      name(HealthState::Down), "busy",
      name(OperatorState::Drain), name(OperatorState::Maint),
  };
  const balance::PoolStatus& status = status_of(out);
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    const std::string_view now = state_name(status.servers[index], out.now);
    for (const std::string_view state : kStates) {
      out.add({{"group", group}, {"server", server}, {"state", state}}, uint64_t{state == now});
    }
  });
}

void fill_panic(Series& out) {
  const balance::PoolStatus& status = status_of(out);
  out.for_each_group([&](balance::GroupIndex index, std::string_view group) {
    out.add({{"group", group}}, uint64_t{status.groups[index].is_panicking});
  });
}

void fill_calls(Series& out) {
  const balance::CallCounts* calls = out.source.calls;
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    out.add({{"group", group}, {"server", server}, {"state", "reserved"}},
            calls == nullptr ? uint64_t{0} : calls->reserved(index));
    out.add({{"group", group}, {"server", server}, {"state", "active"}},
            calls == nullptr ? uint64_t{0} : calls->active(index));
  });
}

void fill_inflight(Series& out) {
  const balance::LoadBoard* load = out.source.load;
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    out.add({{"group", group}, {"server", server}},
            load == nullptr ? uint64_t{0} : load->inflight(index));
  });
}

void fill_probes(Series& out) {
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    const health::ProbeCounters& probes = probes_of(out, index);
    out.add({{"group", group}, {"server", server}, {"result", "answered"}},
            probes.answered.value());
    out.add({{"group", group}, {"server", server}, {"result", "failed"}}, probes.failed.value());
  });
}

void fill_probe_times(Series& out) {
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    DurationSum sum;
    sum.add(probes_of(out, index).probe_time);
    out.add_durations({{"group", group}, {"server", server}}, sum);
  });
}

void fill_disagreements(Series& out) {
  out.for_each_server([&](ServerIndex index, std::string_view group, std::string_view server) {
    out.add({{"group", group}, {"server", server}}, probes_of(out, index).disagreements.value());
  });
}

// Calls on_listener(name, counters) for every listener; before there is a prober none was asked.
template <class OnListener>
void for_each_self_probe(const Series& out, OnListener&& on_listener) {
  static const health::SelfProbeCounters kNone;
  const health::Prober* prober = out.source.prober;
  out.for_each_listener([&](transport::ListenerIndex index, std::string_view listener) {
    on_listener(listener, prober == nullptr ? kNone : prober->self_probes(index));
  });
}

void fill_self_probe_up(Series& out) {
  for_each_self_probe(out, [&](std::string_view listener, const auto& counters) {
    out.add({{"listener", listener}},
            uint64_t{counters.last_ns.value() != health::SelfProbeCounters::kLost});
  });
}

void fill_self_probes(Series& out) {
  for_each_self_probe(out, [&](std::string_view listener, const auto& counters) {
    out.add({{"listener", listener}, {"result", "answered"}}, counters.answered.value());
    out.add({{"listener", listener}, {"result", "lost"}}, counters.lost.value());
  });
}

void fill_self_probe_times(Series& out) {
  for_each_self_probe(out, [&](std::string_view listener, const auto& counters) {
    DurationSum sum;
    sum.add(counters.times);
    out.add_durations({{"listener", listener}}, sum);
  });
}

void fill_priority(Series& out) {
  using health::Priority;
  const health::Prober* prober = out.source.prober;
  for (const Priority each : {Priority::RealTime, Priority::Raised, Priority::Ordinary}) {
    out.add({{"priority", name(each)}}, uint64_t{prober != nullptr && prober->priority() == each});
  }
}

void fill_lookups(Series& out, const std::vector<NameLookups>& lookups) {
  for (const NameLookups& each : lookups) out.add({{"result", each.result}}, each.count.value());
}

uint64_t value_of(const Counter* counter) {
  return counter == nullptr ? 0 : counter->value();
}

// Since the answer that was confirmed longest ago.
void fill_name_age(Series& out) {
  const uint64_t at = value_of(out.source.names.oldest_answer_ns);
  const Duration age = out.now - Instant(Duration(at));
  out.add({}, at == 0 ? 0.0 : std::chrono::duration<double>(age).count());
}

constexpr auto kFamilies = std::to_array<Family>({
    {{"siplb_server_up", "gauge", "group server",
      "0 where probes say that the server is down, else 1: also where nothing is known of it."},
     fill_up},
    {{"siplb_server_state", "gauge", "group server state",
      "1 for the state that the server is in: drain and maint are the operator's, busy is a 503."},
     fill_state},
    {{"siplb_group_panic", "gauge", "group",
      "1 while too little of the group is up, so that health is ignored."},
     fill_panic},
    {{"siplb_server_calls", "gauge", "group server state",
      "Calls of the server: reserved for an INVITE under way, or active."},
     fill_calls},
    {{"siplb_server_inflight", "gauge", "group server",
      "Requests sent to the server with state that have no final answer yet."},
     fill_inflight},
    {{"siplb_call_count_errors_total", "counter", "",
      "Calls that ended without having been counted; anything but 0 is a bug."},
     [](Series& out) {
       const balance::CallCounts* calls = out.source.calls;
       out.add({}, calls == nullptr ? uint64_t{0} : calls->underflow_count());
     }},
    {{"siplb_probes_total", "counter", "group server result",
      "Probes that were answered, or not as they should be."},
     fill_probes},
    {{"siplb_server_probe_seconds", "histogram", "group server",
      "From a probe to the server's answer."},
     fill_probe_times},
    {{"siplb_probe_disagreements_total", "counter", "group server",
      "How often probes failed and would have taken the server out, had it not answered traffic."},
     fill_disagreements},
    {{"siplb_health_signals_lost_total", "counter", "",
      "What traffic met and the prober had no room to hear."},
     [](Series& out) {
       const health::Prober* prober = out.source.prober;
       out.add({}, prober == nullptr ? uint64_t{0} : prober->lost_signals());
     }},
    {{"siplb_self_probe_up", "gauge", "listener",
      "0 where siplb has not answered the last OPTIONS that it sent itself, else 1."},
     fill_self_probe_up},
    {{"siplb_self_probes_total", "counter", "listener result",
      "OPTIONS that siplb has sent itself, answered or lost."},
     fill_self_probes},
    {{"siplb_self_probe_seconds", "histogram", "listener",
      "From such an OPTIONS to the answer: through the kernel, a lane and back."},
     fill_self_probe_times},
    {{"siplb_prober_priority", "gauge", "priority",
      "1 for the priority of the thread that probes; ordinary: the kernel refused a raised one."},
     fill_priority},
    {{"siplb_name_lookups_total", "counter", "result",
      "Questions to name servers for servers by name, by what came of them; none without such."},
     [](Series& out) { fill_lookups(out, out.source.names.lookups); }},
    {{"siplb_names_without_address", "gauge", "", "Names of servers that lead nowhere yet."},
     [](Series& out) { out.add({}, value_of(out.source.names.without_address)); }},
    {{"siplb_name_targets_ignored", "gauge", "",
      "Targets of SRV records that are more than siplb follows."},
     [](Series& out) { out.add({}, value_of(out.source.names.targets_ignored)); }},
    {{"siplb_name_addresses_ignored", "gauge", "",
      "Addresses that names lead to and that are no servers: too many, out of reach or our own."},
     [](Series& out) { out.add({}, value_of(out.source.names.addresses_ignored)); }},
    {{"siplb_name_age_seconds", "gauge", "",
      "Since a name server last confirmed the answer that has waited longest for it."},
     fill_name_age},
    {{"siplb_request_name_lookups_total", "counter", "result",
      "Questions to name servers for names in requests of servers, by what came of them."},
     [](Series& out) { fill_lookups(out, out.source.request_names.lookups); }},
    {{"siplb_request_names", "gauge", "", "Names in requests of servers that are kept."},
     [](Series& out) { out.add({}, value_of(out.source.request_names.names)); }},
    {{"siplb_request_names_evicted_total", "counter", "", "Of these, forgotten for want of room."},
     [](Series& out) { out.add({}, value_of(out.source.request_names.evicted)); }},
    {{"siplb_requests_awaiting_name", "gauge", "",
      "Requests of servers that wait for what a name in them leads to."},
     [](Series& out) {
       out.add({}, out.sum([](const auto& lane) -> const Counter& {
         return lane.counters.names_awaited;
       }));
     }},
    {{"siplb_request_names_refused_total", "counter", "reason",
      "Why requests of servers did not go where a name in them leads."},
     [](Series& out) {
       out.add_by<proxy::NameRefusal>(
           "reason", [](const auto& lane) -> auto& { return lane.counters.names_refused; },
           [](auto reason) { return proxy::name(reason); });
     }},
});

}  // namespace

std::span<const Family> health_families() {
  return kFamilies;
}

}  // namespace siplb::observe
