// The metrics of connections: what begins and ends them, and what they carry.
#include <array>

#include "observe/family.h"

namespace siplb::observe {
namespace {

using Lane = proxy::Worker::LaneView;
using transport::LaneStreamCounters;

constexpr auto kName = [](auto value) { return transport::name(value); };

// A lane without streams has counted nothing.
const LaneStreamCounters& counters_of(const Lane& lane) {
  static const LaneStreamCounters kNone;
  return lane.streams == nullptr ? kNone : lane.streams->counters();
}

template <Counter LaneStreamCounters::*kMember>
void fill_sum(Series& out) {
  out.add({},
          out.sum([](const Lane& lane) -> const Counter& { return counters_of(lane).*kMember; }));
}

template <class Enum, CounterArray<Enum> LaneStreamCounters::*kMember>
void fill_by_reason(Series& out) {
  out.add_by<Enum>(
      "reason", [](const Lane& lane) -> auto& { return counters_of(lane).*kMember; }, kName);
}

void fill_by_direction(Series& out,
                       CounterArray<transport::Direction> LaneStreamCounters::*member) {
  const std::string_view tcp = sip::transport_label(sip::Transport::Tcp);
  for (const auto direction : {transport::Direction::Accepted, transport::Direction::Opened}) {
    out.add({{"transport", tcp}, {"direction", transport::name(direction)}},
            out.sum([&](const Lane& lane) -> const Counter& {
              return (counters_of(lane).*member)[direction];
            }));
  }
}

// The label of each kind of fault; the first is none.
void fill_frame_faults(Series& out) {
  for (size_t i = 1; i < static_cast<size_t>(sip::FrameFault::kCount); ++i) {
    const auto fault = static_cast<sip::FrameFault>(i);
    out.add({{"reason", sip::frame_fault_name(fault)}},
            out.sum([&](const Lane& lane) -> const Counter& {
              return counters_of(lane).frame_faults[fault];
            }));
  }
}

void fill_workers_sum(Series& out, Counter proxy::WorkerCounters::*member) {
  uint64_t total = 0;
  for (const auto& worker : out.source.workers) {
    const Counter& counter = worker->counters().*member;
    total += counter.value();
  }
  out.add({}, total);
}

using transport::EndReason;
using transport::RefusedReason;

constexpr auto kFamilies = std::to_array<Family>({
    {{"siplb_connections", "gauge", "transport direction", "Connections, accepted and opened."},
     [](Series& out) { fill_by_direction(out, &LaneStreamCounters::connections); }},
    {{"siplb_connections_begun_total", "counter", "transport direction",
      "Connections that were accepted, or opened with success."},
     [](Series& out) { fill_by_direction(out, &LaneStreamCounters::begun); }},
    {{"siplb_connections_ended_total", "counter", "reason",
      "Connections that have ended, or could not be opened, and why."},
     fill_by_reason<EndReason, &LaneStreamCounters::ended>},
    {{"siplb_connections_refused_total", "counter", "reason",
      "Connections that were closed as soon as they came."},
     fill_by_reason<RefusedReason, &LaneStreamCounters::refused>},
    {{"siplb_frame_faults_total", "counter", "reason",
      "Connections closed because nobody knows where the next message begins, by what is wrong."},
     fill_frame_faults},
    {{"siplb_stream_received_bytes_total", "counter", "", "Octets that came by connections."},
     fill_sum<&LaneStreamCounters::received_octets>},
    {{"siplb_stream_sent_bytes_total", "counter", "", "Octets that left by connections."},
     fill_sum<&LaneStreamCounters::sent_octets>},
    {{"siplb_stream_pings_total", "counter", "", "Keep-alives on connections, answered."},
     fill_sum<&LaneStreamCounters::pings>},
    {{"siplb_stream_paused_total", "counter", "",
      "How often a client was not read for a while, since it did not read either."},
     fill_sum<&LaneStreamCounters::paused>},
    {{"siplb_stream_queue_depth", "gauge", "", "Messages that wait for their connections."},
     fill_sum<&LaneStreamCounters::queue_depth>},
    {{"siplb_stream_unsent_total", "counter", "",
      "Messages that waited for a connection and were not sent."},
     fill_sum<&LaneStreamCounters::unsent>},
    {{"siplb_stream_expired_total", "counter", "",
      "Those of them that had waited too long for a server."},
     fill_sum<&LaneStreamCounters::expired>},
    {{"siplb_stream_withdrawn_total", "counter", "",
      "Requests that waited for a connection and were not wanted any more."},
     fill_sum<&LaneStreamCounters::withdrawn>},
    {{"siplb_stream_refused_for_length_total", "counter", "",
      "Requests too long for a datagram that went as one all the same: the server refused TCP."},
     [](Series& out) {
       out.add({}, out.sum([](const Lane& lane) -> const Counter& {
         return lane.counters.tcp_refused;
       }));
     }},
    {{"siplb_responses_rerouted_total", "counter", "",
      "Responses whose connection was gone, sent by a new one to where their Via says."},
     [](Series& out) { fill_workers_sum(out, &proxy::WorkerCounters::responses_rerouted); }},
    {{"siplb_responses_lost_total", "counter", "",
      "Responses whose connection was gone, with no safe way to their client."},
     [](Series& out) { fill_workers_sum(out, &proxy::WorkerCounters::responses_lost); }},
});

}  // namespace

std::span<const Family> stream_families() {
  return kFamilies;
}

}  // namespace siplb::observe
