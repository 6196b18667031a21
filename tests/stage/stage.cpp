#include "stage/stage.h"

#include <algorithm>
#include <stdexcept>

#include "config/load.h"
#include "proxy/upstream_via.h"
#include "stage/fidelity.h"

namespace siplb::test {
namespace {

// In so long each call is looked at that nobody has ended.
constexpr Duration kSweepRound = std::chrono::minutes(2);
constexpr proxy::Tick kStart{.now = Instant(std::chrono::hours(1)), .today = 20000};

SockAddress address_of(std::string_view text) {
  return SockAddress::parse(text).value();
}
const SockAddress kClient = address_of("192.0.2.1:5060");
const SockAddress kClient6 = address_of("[2001:db8::1]:5060");

config::Configuration load() {
  config::LoadResult result = config::load_file(SIPLB_SOURCE_DIR "/tests/corpus/siplb.yaml");
  if (!result.good()) throw std::runtime_error(result.faults.front().message);
  return std::move(result.configuration);
}

transport::ListenerIndex listener_named(const config::Configuration& configuration,
                                        std::string_view name) {
  for (size_t i = 0; i < configuration.listeners.size(); ++i) {
    if (configuration.listeners[i].name == name) return static_cast<transport::ListenerIndex>(i);
  }
  throw std::runtime_error("there is no listener " + std::string(name));
}

// "answered/400" is "reply 400" in the manifest's words; empty for what is no verdict.
std::string verdict_of(const std::string& counter) {
  if (counter == "forwarded") return "forward";
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"answered/", "reply "}, {"absorbed/", "absorb "}, {"dropped/", "drop "}};
  for (const auto& [prefix, word] : kWords) {
    if (counter.starts_with(prefix)) return std::string(word) + counter.substr(prefix.size());
  }
  return "";
}

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

}  // namespace

Stage::Stage(const Resources& resources) : configuration_(load()), resources_(resources) {
  reset();
}

void Stage::reset() {
  tick_ = kStart;
  options_ = {.started_at = tick_.now, .resources = resources_};
  process_.emplace(configuration_, options_);
  counted_.clear();
  values_.clear();
  server_ = configuration_.groups[0].servers[0].address;
}

void Stage::restart() {
  ++options_.instance;
  options_.started_at = tick_.now;
  process_.emplace(configuration_, options_);
  counted_.clear();
}

transport::Flow Stage::flow_of(std::string_view text, Origin origin) {
  if (origin == Origin::Server) {
    return {.remote = server_, .listener = listener_named(configuration_, "core")};
  }
  // Where it does not scan, the top Via is read all the same, or empty.
  static_cast<void>(sip::scan(text, {}, *before_));
  const bool is_ip6 = before_->via.host.starts_with('[');
  return {.remote = is_ip6 ? kClient6 : kClient,
          .listener = listener_named(configuration_, is_ip6 ? "phones6" : "phones"),
          .transport = before_->via.known_transport().value_or(sip::Transport::Udp)};
}

Stage::Outcome Stage::receive(std::string_view text, Origin origin) {
  Outcome outcome;
  const transport::Flow source = flow_of(text, origin);
  outcome.sent = process_->receive(source, text, tick_);
  const Process::Counts now = process_->counted().all;
  for (const auto& [name, count] : since(counted_, now)) {
    if (const std::string verdict = verdict_of(name); !verdict.empty()) outcome.verdict = verdict;
  }
  counted_ = now;
  check(outcome.sent);
  if (outcome.verdict == "forward") check_fidelity(text, source, outcome);
  return outcome;
}

bool Stage::is_party(const SockAddress& address) const {
  const auto& servers = configuration_.groups[0].servers;
  return address.same_ip(kClient) || address.same_ip(kClient6) ||
         std::any_of(servers.begin(), servers.end(),
                     [&](const auto& server) { return address.same_ip(server.address); });
}

void Stage::check(const std::vector<SentMessage>& sent) const {
  for (const SentMessage& message : sent) {
    if (is_party(message.to.remote)) continue;
    throw std::logic_error("goes to a third party:\n" + message.text);
  }
}

void Stage::check_fidelity(std::string_view text, const transport::Flow& source,
                           const Outcome& outcome) {
  static_cast<void>(sip::scan(text, {}, *before_));
  std::string difference = "all of it";
  // Beside what was forwarded there may be requests of our own.
  for (const SentMessage& message : outcome.sent) {
    // With ours it has more headers than we take in, so there is nothing to compare it by.
    if (sip::scan(message.text, {}, *after_) == sip::ScanStatus::TooManyHeaders) return;
    difference = altered(*before_, *after_);
    if (!difference.empty()) continue;
    if (!after_->is_request) return;
    difference = astray(source.remote);
    if (difference.empty()) return;
  }
  throw std::logic_error("altered: " + difference);
}

std::string Stage::astray(const SockAddress& source) const {
  sip::Via below;
  if (!proxy::read_next_via(*after_, below)) return "no Via below ours";
  const auto back = below.response_address();
  if (!back || !back->same_ip(source)) return "answers would not find back";
  if (below.has_rport && back->port() != source.port()) return "rport";

  const sip::Header* route = after_->find(sip::HeaderId::Route);
  sip::NameAddr first;
  sip::Uri uri;
  if (route == nullptr || !sip::parse_name_addr(route->value, first)) return "";
  if (!sip::parse_uri(first.uri, uri)) return "";
  return process_->snapshot().sides.is_ours(uri, {}) ? "its Route leads back to us" : "";
}

void Stage::introduce(std::string_view request) {
  const Outcome outcome = receive(request, Origin::Client);
  if (outcome.verdict != "forward") throw std::logic_error("is not forwarded: " + outcome.verdict);
  server_ = outcome.sent.front().to.remote;
  static_cast<void>(sip::scan(outcome.sent.front().text, {}, *after_));
  values_["$BRANCH"] = after_->via.branch;
  values_["$SLB"] = after_->via.slb;
  values_["$UPPER_SLB"] = in_capitals(std::string(after_->via.slb));
  size_t number = 0;
  for (const sip::Header& header : after_->headers()) {
    if (header.id != sip::HeaderId::RecordRoute) continue;
    sip::ValueReader reader(header.value);
    for (std::string_view value; reader.next(value);) {
      sip::NameAddr route;
      if (sip::parse_name_addr(value, route)) values_["$RR" + std::to_string(++number)] = route.uri;
    }
  }
}

std::string Stage::fill(std::string_view text) const {
  std::string filled(text);
  for (const auto& [name, value] : values_) {
    for (size_t at = 0; (at = filled.find(name, at)) != std::string::npos; at += value.size()) {
      filled.replace(at, name.size(), value);
    }
  }
  return filled;
}

void Stage::wait(Duration duration) {
  const Instant end = tick_.now + duration;
  for (auto next = process_->next_deadline(); next && *next <= end;
       next = process_->next_deadline()) {
    tick_.now = std::max(tick_.now, *next);
    check(process_->run_timers(tick_));
  }
  tick_.now = end;
}

void Stage::settle() {
  // What is remembered longest beside calls are requests that have ended.
  wait(configuration_.limits.call_expiry + kSweepRound + configuration_.timers.ringing +
       2 * configuration_.timers.invite);
  process_->check_idle();
}

}  // namespace siplb::test
