#include "scenario/process.h"

#include <algorithm>
#include <stdexcept>

#include "support/snapshot.h"

namespace siplb::test {
namespace {

// Any lane but 0, so that a forgotten one shows.
constexpr uint8_t kLane = 0;  // round robin begins with the first server here

SnapshotInput input_of(const config::Configuration& configuration, const ProcessOptions& options) {
  return {.listeners = configuration.listeners,
          .groups = configuration.groups,
          .routes = configuration.routes,
          .node_key = options.node_key,
          .instance = options.instance,
          .token_life_days = static_cast<uint16_t>(configuration.global.token_life.count()),
          .scan_limits = {.headers_max = configuration.limits.headers},
          .message_octets_max = configuration.limits.message_bytes};
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
      calls_(options.resources.calls),
      others_(options.resources.others),
      wire_(options.resources.sends),
      counters_(snapshot_.topology.servers().size(), snapshot_.topology.groups().size()),
      lane_(kLane, snapshot_, {.call_life = configuration.limits.call_expiry}, {calls_, others_},
            wire_, counters_) {}

std::vector<SentMessage> Process::receive(const transport::Flow& flow, std::string_view text,
                                          const proxy::Tick& tick) {
  // A block of exactly the message's size: AddressSanitizer sees a read past its end.
  const std::unique_ptr<char[]> octets(new char[text.size()]);
  std::copy(text.begin(), text.end(), octets.get());
  lane_.receive({{octets.get(), text.size()}, flow}, *scratch_, tick);
  ++given_;
  std::vector<SentMessage> sent = wire_.take();
  check_invariants(sent);
  return sent;
}

void Process::check_invariants(const std::vector<SentMessage>& sent) const {
  if (counters_.difference() != 0) {
    throw std::logic_error("conservation: the difference is " +
                           std::to_string(counters_.difference()));
  }
  uint64_t received = 0;
  for (const auto& by_kind : counters_.received) received += by_kind.sum();
  if (received != given_) throw std::logic_error("not every message is counted as received");

  uint64_t sends = counters_.forwarded.value() + counters_.originated.sum();
  for (const Counter& code : counters_.answered) sends += code.value();
  if (sends != wire_.attempts()) {
    throw std::logic_error("counted as sent: " + std::to_string(sends) +
                           ", given to the wire: " + std::to_string(wire_.attempts()));
  }
  for (const SentMessage& message : sent) {
    if (message.text.starts_with("SIP/2.0 400 ")) continue;  // it repeats what was wrong
    const sip::ScanStatus status = sip::scan(message.text, {}, *scratch_);
    if (status == sip::ScanStatus::Ok) continue;
    throw std::logic_error("what is sent does not parse: " +
                           std::string(sip::scan_status_name(status)) + "\n" + message.text);
  }
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
  put(all, "loose_calls", counters_.loose_calls.value());
  put(all, "affinity_evicted", counters_.affinity.evicted.value());
  put(all, "affinity_torn", counters_.affinity.torn.value());

  put_all(result.detail, "requests/", counters_.requests, sip::method_name);
  for (size_t i = 0; i < counters_.servers.size(); ++i) {
    const std::string& server = snapshot_.topology.servers()[i].name;
    put(result.detail, server + "/requests", counters_.servers[i].requests.value());
    for (size_t c = 0; c < counters_.servers[i].responses.size(); ++c) {
      put(result.detail, server + "/" + std::to_string(c + 1) + "xx",
          counters_.servers[i].responses[c].value());
    }
  }
  return result;
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
