#include "scenario/process.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/network.h"
#include "support/snapshot.h"

namespace siplb::test {
namespace {

// Any lane but 0, so that a forgotten one shows.
constexpr uint8_t kLane = 0;  // round robin begins with the first server here

// What a wildcard listener may send from.
bool is_on_host(const SockAddress& address) {
  return Network::parse("203.0.113.0/24").value().contains(address);
}

using Entries = std::vector<balance::AffinityEntry>;

uint8_t table_key_of(const ProcessOptions& options) {
  return options.tables ? options.tables->key : static_cast<uint8_t>(options.instance + 100);
}

SnapshotInput input_of(const config::Configuration& configuration, const ProcessOptions& options) {
  return {.listeners = configuration.listeners,
          .names = configuration.global.names,
          .groups = configuration.groups,
          .routes = configuration.routes,
          .host = {.is_on_host = is_on_host},
          .node_key = options.node_key,
          .instance = options.instance,
          .table_key = table_key_of(options),
          .token_life_days = static_cast<uint16_t>(configuration.global.token_life.count()),
          .scan_limits = {.headers_max = configuration.limits.headers},
          .message_octets_max = configuration.limits.message_bytes,
          .logs_calls = configuration.global.log.calls};
}

// A pool of `count` slots of each size. There is none without room, so one of each is out for good.
std::unique_ptr<transport::MessageSlots> make_held(size_t count) {
  auto slots = transport::MessageSlots::reserve(
      {.small_count = count + 1, .medium_count = count + 1, .large_count = count + 1});
  if (!slots) throw std::runtime_error("no memory for held messages");
  // The longest first: short messages may take longer slots.
  for (const size_t size : {transport::kSlotSizes[2], transport::kSlotSizes[1], size_t{1}}) {
    static_cast<void>((*slots)->take(size));
  }
  return std::move(*slots);
}

size_t held_count(const transport::MessageSlots& slots) {
  size_t used = 0;
  for (const auto size :
       {transport::SlotClass::Small, transport::SlotClass::Medium, transport::SlotClass::Large}) {
    used += slots.pool(size).counters().used.value();
  }
  return used;
}

// There is no store without room, so one context is out for good.
std::unique_ptr<proxy::ContextStore> make_contexts(const Resources& resources,
                                                   transport::MessageSlots& held) {
  auto contexts = proxy::ContextStore::reserve(
      {.contexts = resources.contexts + 1, .finished = resources.finished}, held);
  if (!contexts) throw std::runtime_error("no memory for transactions");
  static_cast<void>((*contexts)->create(sip::BranchHash{}, sip::Method::Other));
  return std::move(*contexts);
}

// A block of exactly the text's size: AddressSanitizer sees a read past its end.
std::unique_ptr<char[]> exact_copy(std::string_view text) {
  std::unique_ptr<char[]> octets(new char[text.size()]);
  std::copy(text.begin(), text.end(), octets.get());
  return octets;
}

void put(Process::Counts& counts, const std::string& name, uint64_t value) {
  if (value != 0) counts[name] = value;
}

template <class Enum, class Name>
void put_all(Process::Counts& counts, const std::string& prefix, const CounterArray<Enum>& array,
             Name name) {
  for (size_t i = 0; i < CounterArray<Enum>::kSize; ++i) {
    const auto value = static_cast<Enum>(i);
    put(counts, prefix + std::string(name(value)), array[value].value());
  }
}

}  // namespace

Process::Process(const config::Configuration& configuration, const ProcessOptions& options)
    : snapshot_(make_snapshot(input_of(configuration, options))),
      around_(snapshot_),
      table_key_(table_key_of(options)),
      calls_(options.tables ? options.tables->calls : Entries(options.resources.calls)),
      others_(options.tables ? options.tables->others : Entries(options.resources.others)),
      moved_(options.resources.moved),
      held_(make_held(options.resources.held)),
      held_before_(held_count(*held_)),
      contexts_(make_contexts(options.resources, *held_)),
      wire_(options.resources.sends),
      streams_(configuration.limits.message_bytes),
      counters_(snapshot_.topology.servers().size(), snapshot_.topology.groups().size()),
      lane_({.index = kLane,
             .affinity = {.call_life = configuration.limits.call_expiry},
             .timers = configuration.timers,
             .started_at = options.started_at,
             .has_old_tables = options.tables.has_value()},
            around_.outlook,
            {.memory = {calls_, others_, moved_, *contexts_},
             .wire = wire_,
             .counters = counters_,
             .events = events_,
             .load = around_.load,
             .calls = around_.calls,
             .health = around_.health,
             .names = around_.names}),
      reserved_before_(counters_.servers.size()),
      asks_max_(options.resources.asks) {}

Tables Process::tables() const {
  return {.calls = calls_, .others = others_, .key = table_key_};
}

std::vector<SentMessage> Process::receive(const transport::Flow& flow, std::string_view text,
                                          const proxy::Tick& tick) {
  if (!flow.connection.is_none()) {
    streams_.read(flow, text, tick.now, [&](std::span<char> octets, sip::FrameFault fault) {
      give({octets, flow, fault}, tick);
    });
    return take_sent();
  }
  const std::unique_ptr<char[]> octets = exact_copy(text);
  give({{octets.get(), text.size()}, flow}, tick);
  return take_sent();
}

std::vector<SentMessage> Process::set_names(proxy::NameBook book, const proxy::Tick& tick) {
  around_.book = std::move(book);
  lane_.on_names(tick);
  return take_sent();
}

void Process::give(const transport::Inbound& inbound, const proxy::Tick& tick) {
  const bool has_room = around_.names.asked.size() < asks_max_;
  around_.names.status = has_room ? proxy::AskStatus::Asked : proxy::AskStatus::Full;
  lane_.receive(inbound, *scratch_, tick);
  ++given_;
}

std::vector<SentMessage> Process::disconnect(const SockAddress& remote, const proxy::Tick& tick) {
  const std::vector<transport::Flow> ended = wire_.end(remote);
  tell_unsent(tick);
  for (const transport::Flow& connection : ended) lane_.on_disconnected(connection, tick);
  return take_sent();
}

std::vector<SentMessage> Process::set_mood(const SockAddress& remote, StreamWire::Mood mood,
                                           const proxy::Tick& tick) {
  wire_.set_mood(remote, mood);
  tell_unsent(tick);
  return take_sent();
}

// To whom it matters: to the lane if it is a request, to its client if it is a response.
void Process::tell_unsent(const proxy::Tick& tick) {
  for (const SentMessage& message : wire_.take_unsent()) {
    if (message.text.starts_with("SIP/2.0 ")) {
      wire_.reroute(message);
    } else if (const auto quote = sip::read_quote(message.text)) {
      lane_.on_unsent(*quote, tick);
    }
  }
}

std::vector<SentMessage> Process::run_timers(const proxy::Tick& tick) {
  lane_.run_timers(tick);
  const auto next = lane_.next_deadline();
  if (next && *next <= tick.now) throw std::logic_error("a timer asks for what is past");
  return take_sent();
}

std::vector<SentMessage> Process::undelivered(std::string_view quote,
                                              const SockAddress& destination,
                                              const proxy::Tick& tick) {
  const std::unique_ptr<char[]> octets = exact_copy(quote);
  const auto read = sip::read_quote({octets.get(), quote.size()});
  if (read) lane_.on_undelivered(*read, destination, tick);
  return take_sent();
}

std::vector<SentMessage> Process::take_sent() {
  std::vector<SentMessage> sent = wire_.take();
  check_counters();
  check_calls();
  finished_max_ = std::max(finished_max_, contexts_->table_counters().finished.value());
  for (const SentMessage& message : sent) check_sent(message);
  return sent;
}

void Process::check_counters() const {
  if (counters_.difference() != 0) {
    throw std::logic_error("conservation: the difference is " +
                           std::to_string(counters_.difference()));
  }
  uint64_t received = 0;
  for (const auto& by_kind : counters_.received) received += by_kind.sum();
  if (received != given_) throw std::logic_error("not every message is counted as received");

  uint64_t sends =
      counters_.forwarded.value() + counters_.originated.sum() + counters_.retransmissions.sum();
  for (const Counter& code : counters_.answered) sends += code.value();
  // What a stream did not take is counted where it was all that could be done.
  const StreamWire::Counts& given = wire_.counts();
  if (sends < given.taken || sends > given.attempts) {
    throw std::logic_error("counted as sent: " + std::to_string(sends) + ", given to the wire: " +
                           std::to_string(given.taken) + " to " + std::to_string(given.attempts));
  }
}

void Process::check_sent(const SentMessage& message) const {
  if (message.text.starts_with("SIP/2.0 400 ")) return;  // it repeats what was wrong
  const sip::ScanStatus status = sip::scan(message.text, {}, *scratch_);
  if (status == sip::ScanStatus::TooManyHeaders) return;  // with ours: it had all that we take
  if (status == sip::ScanStatus::Ok) return;
  throw std::logic_error("what is sent does not parse: " +
                         std::string(sip::scan_status_name(status)) + "\n" + message.text);
}

void Process::check_idle() const {
  const uint64_t contexts = contexts_->pool().counters().used.value();
  if (contexts != 1) {
    throw std::logic_error(std::to_string(contexts - 1) + " requests are under way for ever");
  }
  if (const size_t held = held_count(*held_); held != held_before_) {
    throw std::logic_error(std::to_string(held - held_before_) + " held messages are lost");
  }
  for (size_t i = 0; i < counters_.servers.size(); ++i) {
    const uint32_t inflight = around_.load.inflight(static_cast<balance::ServerIndex>(i));
    const uint32_t calls = around_.calls.calls(static_cast<balance::ServerIndex>(i));
    if (inflight == 0 && calls == 0) continue;
    throw std::logic_error(snapshot_.topology.servers()[i].name + " has " +
                           std::to_string(inflight) + " requests in flight and " +
                           std::to_string(calls) + " calls for ever");
  }
}

// A call that is answered counts even where none was let in: so beyond the limit no reservation may
// come, but others may be there.
void Process::check_calls() {
  for (size_t i = 0; i < counters_.servers.size(); ++i) {
    const auto index = static_cast<balance::ServerIndex>(i);
    const balance::Server& server = snapshot_.topology.servers()[i];
    const uint32_t reserved = around_.calls.reserved(index);
    const bool has_let_in = reserved > std::exchange(reserved_before_[i], reserved);
    if (!has_let_in || server.max_calls == 0) continue;
    if (around_.calls.calls(index) <= server.max_calls) continue;
    throw std::logic_error(server.name + " was given a call too many");
  }
  const uint64_t errors = around_.calls.underflow_count() + counters_.affinity.miscounted.value();
  if (errors != 0) throw std::logic_error(std::to_string(errors) + " calls were miscounted");
}

Process::Usage Process::usage() const {
  Usage usage{.contexts_max = contexts_->pool().counters().high_water.value(),
              .held_max = 0,
              .finished_max = finished_max_,
              .evicted_early = contexts_->table_counters().evicted_early.value()};
  for (const auto size :
       {transport::SlotClass::Small, transport::SlotClass::Medium, transport::SlotClass::Large}) {
    usage.held_max += held_->pool(size).counters().high_water.value();
  }
  return usage;
}

Process::Counted Process::counted() const {
  Counted result;
  Counts& all = result.all;
  put(all, "forwarded", counters_.forwarded.value());
  for (size_t i = 0; i < counters_.answered.size(); ++i) {
    const std::string code =
        i < proxy::kAnswerCodes.size() ? std::to_string(proxy::kAnswerCodes[i]) : "other";
    put(all, "answered/" + code, counters_.answered[i].value());
  }
  const auto label = [](auto value) { return proxy::name(value); };
  put_all(all, "absorbed/", counters_.absorbed, label);
  put_all(all, "dropped/", counters_.dropped, label);
  for (const auto kind : {proxy::SealKind::Via, proxy::SealKind::Token}) {
    put_all(all, "seal_rejected/" + std::string(name(kind)) + "/",
            counters_.seal_rejected[static_cast<size_t>(kind)], sip::seal_fault_name);
  }
  put_all(all, "originated/", counters_.originated, label);
  put_all(all, "retransmissions/", counters_.retransmissions, label);
  put(all, "tcp_refused", counters_.tcp_refused.value());
  put(all, "unheld", counters_.unheld.value());
  put(all, "duplicate_answers", counters_.duplicate_answers.value());
  put(all, "loose_calls", counters_.loose_calls.value());
  put(all, "over_rate", counters_.over_rate.value());
  put(all, "affinity_evicted", counters_.affinity.evicted.value());
  put(all, "affinity_torn", counters_.affinity.torn.value());
  put(all, "moved_evicted", counters_.moved_evicted.value());
  put_all(all, "names_refused/", counters_.names_refused, label);
  const StreamWire::Counts& wire = wire_.counts();
  put(all, "responses_rerouted", wire.rerouted);
  put(all, "responses_lost", wire.lost);
  put(all, "withdrawn", wire.withdrawn);
  for (size_t i = 0; i < counters_.groups.size(); ++i) {
    put(all, snapshot_.topology.groups()[i].options.name + "/budget_exhausted",
        counters_.groups[i].budget_exhausted.value());
  }

  put_all(result.detail, "requests/", counters_.requests, sip::method_name);
  for (size_t i = 0; i < counters_.servers.size(); ++i) {
    const std::string& server = snapshot_.topology.servers()[i].name;
    put_all(all, server + "/failovers/", counters_.servers[i].failovers, label);
    put(result.detail, server + "/requests", counters_.servers[i].requests.value());
    for (size_t c = 0; c < counters_.servers[i].responses.size(); ++c) {
      put(result.detail, server + "/" + std::to_string(c + 1) + "xx",
          counters_.servers[i].responses[c].value());
    }
  }
  return result;
}

std::vector<std::string> Process::take_events() {
  std::vector<std::string> texts;
  while (const auto event = events_.try_take()) {
    const EventInfo& info = event_info(event->id);
    std::string text(info.message);
    for (size_t i = 0; i < info.args.size(); ++i) {
      const EventArg& arg = info.args[i];
      if (arg.name.empty()) continue;
      text += " " + std::string(arg.name) + "=" + text_of(arg, event->args[i]);
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::string> Process::take_told() {
  std::vector<std::string> texts;
  for (const balance::HealthSignal& signal : std::exchange(around_.health.signals, {})) {
    texts.push_back(text_of(signal));
  }
  return texts;
}

std::vector<std::string> Process::take_asked() {
  std::vector<std::string> texts;
  for (const proxy::NameKey& name : std::exchange(around_.names.asked, {})) {
    std::string text(name.host.view());
    if (name.port != 0) text += ":" + std::to_string(name.port);
    if (name.transport) text += ";transport=" + std::string(sip::transport_label(*name.transport));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string Process::text_of(const balance::HealthSignal& signal) const {
  using Kind = balance::HealthSignal::Kind;
  if (signal.kind == Kind::ProbeAnswer) return "answer " + std::string(signal.remote.text());
  const std::string& server = snapshot_.topology.servers()[signal.server].name;
  if (signal.kind == Kind::Silent) return "silent " + server;
  if (signal.kind == Kind::Refused) return "refused " + server;
  const auto pause = signal.retry_after.count();
  return "busy " + server + (pause == 0 ? "" : " " + std::to_string(pause) + "s");
}

std::string Process::text_of(const EventArg& arg, int64_t value) const {
  switch (arg.kind) {
    case EventArgKind::Server: return snapshot_.topology.servers()[static_cast<size_t>(value)].name;
    case EventArgKind::FailoverReason:
      return std::string(proxy::name(static_cast<proxy::FailoverReason>(value)));
    default: break;  // a number, or nothing that a lane tells
  }
  return std::to_string(value);
}

std::string text_of(const Process::Counts& counts) {
  std::string text;
  for (const auto& [name, value] : counts) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(value);
  }
  return text.empty() ? "nothing" : text;
}

Process::Counts since(const Process::Counts& before, const Process::Counts& now) {
  Process::Counts difference;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    const uint64_t added = value - (old == before.end() ? 0 : old->second);
    if (added != 0) difference[name] = added;
  }
  return difference;
}

}  // namespace siplb::test
