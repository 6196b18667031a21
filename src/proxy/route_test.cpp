#include "proxy/route_test.h"

#include <algorithm>
#include <memory>

#include "proxy/lane.h"
#include "proxy/witness.h"

namespace siplb::proxy {
namespace {

class Recorder final : public transport::Wire {
 public:
  explicit Recorder(std::vector<RouteTestReport::Sent>& sent) : sent_(sent) {}
  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override {
    RouteTestReport::Sent& sent = sent_.emplace_back();
    sent.to = flow;
    for (const std::string_view piece : pieces) sent.text += piece;
    return transport::SendStatus::Queued;
  }

 private:
  std::vector<RouteTestReport::Sent>& sent_;
};

// Nobody hears of what only might be.
class NoHealth final : public balance::HealthSink {
 public:
  void tell(const balance::HealthSignal& /*signal*/, std::string_view /*octets*/) override {}
};
class NoNames final : public NameAsks {
 public:
  AskStatus ask(const NameKey& /*name*/, Instant /*now*/) override { return AskStatus::Asked; }
};

class Notes final : public Witness {
 public:
  Notes(const sip::Message& original, size_t route_count, RouteTestReport& report)
      : original_(original), route_count_(route_count), report_(report) {}

  void on_request(const Request& request) override {
    using Guide = RouteTestReport::Guide;
    const RouteSet& routes = request.routes;
    report_.sender = request.sender;
    report_.is_in_dialog = !request.message.to_tag.empty();
    report_.guide = routes.has_dialog_token() ? Guide::DialogToken
                    : routes.has_token        ? Guide::PathToken
                    : routes.has_next()       ? Guide::Route
                                              : Guide::None;
    source_ip_ = request.source.remote.ip_text();
    note_removed(request.message);
  }

  void on_routes(const RouteTable& routes, const RouteQuery& query,
                 std::optional<size_t> taken) override {
    report_.routes.clear();
    report_.taken_route = taken;
    for (size_t i = 0; i < route_count_; ++i) {
      report_.routes.push_back({i, routes.find_obstacle(i, query, expressions_)});
      if (i == taken) break;
    }
  }

  void on_key(const balance::RequestKey& key) override {
    const bool is_address = key.kind == balance::HashKeyKind::SourceIp;
    report_.key = {.kind = key.kind,
                   .text = std::string(is_address ? source_ip_.view() : key.text),
                   .hash = key.hash()};
  }

  void on_choice(const balance::Selector& selector,
                 const balance::Selector::Wanted& wanted) override {
    const auto servers = wanted.topology.servers();
    report_.group = wanted.group;
    for (const balance::ServerIndex index : wanted.topology.groups()[wanted.group].servers) {
      report_.members.push_back({index, selector.obstacle(wanted, index)});
    }
    std::stable_sort(report_.members.begin(), report_.members.end(),
                     [&](const auto& one, const auto& other) {
                       return servers[one.server].priority < servers[other.server].priority;
                     });
  }

  void on_verdict(const Verdict& verdict) override { report_.outcome = Outcome::of(verdict); }

 private:
  void note_removed(const sip::Message& kept) {
    const auto all = kept.headers();
    for (const sip::Header& header : original_.headers()) {
      const auto is_same = [&](const sip::Header& other) { return other.line == header.line; };
      if (header.id == sip::HeaderId::Other && std::none_of(all.begin(), all.end(), is_same)) {
        report_.removed_headers.emplace_back(header.name);
      }
    }
  }

  const sip::Message& original_;
  const size_t route_count_;
  RouteTestReport& report_;
  SockAddress::Text source_ip_;
  Counter expressions_;
};

// The snapshot with routes of its own: whose patterns no worker matches, and whose rates are whole.
Snapshot copy_of(const Snapshot& snapshot) {
  Snapshot copy = snapshot;
  copy.routing = std::make_shared<const Routing>(snapshot.routing->routes, 1);
  return copy;
}

// What a lane needs, for as long as one message takes.
class PrivateLane {
 public:
  PrivateLane(const RouteTestInput& input, RouteTestReport& report)
      : snapshot_(copy_of(input.snapshot)),
        server_count_(snapshot_.topology.servers().size()),
        load_(1, server_count_),
        calls_(server_count_),
        counters_(server_count_, snapshot_.topology.groups().size()),
        report_(report),
        wire_(report.sent),
        notes_(original_, snapshot_.routing->routes.size(), report) {
    for (size_t i = 0; i < server_count_; ++i) {
      copy_work(input, static_cast<balance::ServerIndex>(i));
    }
    outlook_ = {.snapshot = &snapshot_,
                .status = &input.status,
                .names = &names_,
                .worker = 0,
                .witness = &notes_};
  }

  // False where there is no memory for it.
  [[nodiscard]] bool decide(const RouteTestInput& input) {
    auto slots =
        transport::MessageSlots::reserve({.small_count = 4, .medium_count = 2, .large_count = 2});
    if (!slots) return false;
    auto contexts = ContextStore::reserve({.contexts = 2, .finished = 2}, **slots);
    if (!contexts) return false;
    const auto lane =
        std::make_unique<Lane>(LaneOptions{.started_at = input.tick.now}, outlook_,
                               Lane::Parts{.memory = {entries_, {}, moved_, **contexts},
                                           .wire = wire_,
                                           .counters = counters_,
                                           .events = events_,
                                           .load = load_,
                                           .calls = calls_,
                                           .health = health_,
                                           .names = asks_});
    std::string octets(input.octets);
    report_.scan = sip::scan(input.octets, snapshot_.scan_limits, original_);
    sip::Message scratch;
    lane->receive({.octets = octets, .flow = input.source}, scratch, input.tick);
    return true;
  }

 private:
  void copy_work(const RouteTestInput& input, balance::ServerIndex server) {
    for (uint32_t n = input.load.inflight(server); n > 0; --n) load_.on_begun(0, server);
    const Duration answer_time = input.load.answer_time(server, input.tick.now);
    if (answer_time > Duration::zero()) {
      load_.on_first_answer(0, server, answer_time, input.tick.now);
    }
    for (uint32_t n = input.calls.calls(server); n > 0; --n) calls_.add_active(server);
  }

  const Snapshot snapshot_;
  const size_t server_count_;
  const NameBook names_;
  balance::LoadBoard load_;
  balance::CallCounts calls_;
  LaneCounters counters_;
  EventBell bell_;
  EventRing events_{bell_};
  RouteTestReport& report_;
  Recorder wire_;
  NoHealth health_;
  NoNames asks_;
  std::vector<balance::AffinityEntry> entries_{balance::AffinityTable::kWays};
  std::vector<MovedFlow> moved_{MovedFlows::kWays};
  sip::Message original_;
  Notes notes_;
  Outlook outlook_;
};

}  // namespace

std::optional<RouteTestReport> test_route(const RouteTestInput& input) {
  RouteTestReport report;
  const auto lane = std::make_unique<PrivateLane>(input, report);
  if (!lane->decide(input)) return std::nullopt;
  for (RouteTestReport::Sent& sent : report.sent) {
    sent.server = find_sender(input.snapshot, sent.to).server;
  }
  return report;
}

}  // namespace siplb::proxy
