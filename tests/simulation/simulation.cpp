#include "simulation/simulation.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "config/load.h"
#include "scenario/message_text.h"
#include "sip/message.h"

namespace siplb::test {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kProxyIp = 0x0a000001;  // 10.0.0.1
constexpr uint16_t kToday = 20'000;        // days since 1970
// Now and then many call at once.
constexpr Duration kBurstEvery = 5s;
constexpr Duration kBurst = 200ms;
constexpr double kBurstFactor = 5;
constexpr Duration kAfterwards = 10min;
// A BYE is the most likely to fail for good: 11 tries over two hops and back, 3 of which a server
// may sleep through.
constexpr uint32_t kCallsPerUnlucky = 50'000;
constexpr std::string_view kRefusal = "SIP/2.0 503 ";
// Octets of a datagram that an ICMP error quotes, as Linux writes it.
constexpr size_t kQuoteOctets = 548;

SockAddress proxy_address() {
  return SockAddress::v4(kProxyIp, 5060);
}

config::Configuration configuration_of(const SimulationOptions& options) {
  std::string text =
      "listeners:\n"
      "  - {name: public, address: \"10.0.0.1:5060\", role: both}\n"
      "groups:\n"
      "  - name: pbx\n"
      "    policy: round-robin\n"
      "    failover: {max_attempts: 4, late_2xx: ";
  text += options.late_2xx == balance::Late2xx::Forward ? "forward}\n" : "release}\n";
  text += "    servers:\n";
  for (size_t i = 0; i < kServerCount; ++i) {
    text += "      - {name: s" + std::to_string(i + 1) +
            ", uri: \"sip:" + std::string(Servers::address_of(i).text()) +
            "\", max_calls: " + std::to_string(options.max_calls) + "}\n";
  }
  const config::LoadResult loaded = config::load_text(text, "config", "/");
  if (!loaded.good()) throw std::logic_error(loaded.faults.front().message);
  return loaded.configuration;
}

// Enough for the rate, and no more: what is not given back in time is missed.
ProcessOptions process_of(const SimulationOptions& options) {
  const auto in = [&](Duration time) {
    return static_cast<size_t>(kBurstFactor * options.rate *
                               std::chrono::duration<double>(time).count()) +
           256;
  };
  return {.resources = {.calls = 65536,
                        .others = 16384,
                        .sends = 65536,
                        .contexts = in(40s),
                        .finished = in(40s),
                        .held = in(10s)}};
}

void print(const char* name, uint64_t value) {
  std::printf("  %-38s %10lu\n", name, static_cast<unsigned long>(value));
}

void print(const char* title, const Process::Counts& counts) {
  std::printf("%s\n", title);
  for (const auto& [name, value] : counts) print(name.c_str(), value);
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options)
    : options_(options),
      dice_(options.seed),
      network_(options.network, {.events = events_, .ledger = ledger_, .dice = dice_},
               [this](const Datagram& datagram) { deliver(datagram); }),
      configuration_(configuration_of(options)),
      process_options_(process_of(options)),
      phones_({.events = events_, .network = network_, .ledger = ledger_}, proxy_address(),
              options.seed),
      servers_({.events = events_, .network = network_, .ledger = ledger_, .dice = dice_},
               proxy_address(), options.seed) {
  process_.emplace(configuration_, process_options_);
}

proxy::Tick Simulation::tick() const {
  return {.now = events_.now(), .today = kToday};
}

bool Simulation::run() {
  arrive();
  run_out();
  events_.pass(events_.now() + kAfterwards);
  check_end();
  return ledger_.fault_count() == 0;
}

void Simulation::arrive() {
  if (call_count_ == options_.calls) return;
  events_.after(pause_before_next(), [this] {
    const uint32_t number = ++request_count_;
    if (plan_of(options_.seed, number).method == sip::Method::Invite) ++call_count_;
    phones_.start(number);
    const uint64_t part = options_.calls / (options_.restarts + 1) * (restart_count_ + 1);
    if (restart_count_ < options_.restarts && call_count_ >= part) restart();
    arrive();
  });
}

Duration Simulation::pause_before_next() {
  const bool is_burst = events_.now().time_since_epoch() % kBurstEvery < kBurst;
  const std::chrono::duration<double> mean(1 / (options_.rate * (is_burst ? kBurstFactor : 1)));
  return dice_.exponential(std::chrono::duration_cast<Duration>(mean));
}

// A new process, which remembers nothing but the affinity tables, and so the counts of calls.
void Simulation::restart() {
  ++restart_count_;
  ++process_options_.instance;
  process_options_.started_at = events_.now();
  process_options_.tables = process_->tables();
  for (const auto& [name, value] : process_->counted().all) counted_before_[name] += value;
  process_.emplace(configuration_, process_options_);
  calls_before_ = {};
  ledger_.disturb(request_count_);
}

// Until nobody has anything left to do.
void Simulation::run_out() {
  while (true) {
    const auto deadline = process_->next_deadline();
    const auto event = events_.next();
    if (!event) check_abandoned();
    if (!deadline && !event) return;
    if (event && (!deadline || *event < *deadline)) {
      events_.run_next();
    } else {
      events_.pass(*deadline);
      forward(process_->run_timers(tick()));
    }
  }
}

void Simulation::deliver(const Datagram& datagram) {
  if (datagram.to == proxy_address()) {
    ++received_count_;
    std::vector<SentMessage> sent =
        process_->receive({.remote = datagram.from}, datagram.text, tick());
    check_refusal(datagram, sent);
    forward(std::move(sent));
  } else if (!Servers::is_server(datagram.to)) {
    phones_.receive(datagram);
  } else if (servers_.receive(datagram) == Servers::Reception::Refused) {
    events_.after(network_.delay(), [this, datagram] {
      forward(process_->undelivered(datagram.text.substr(0, kQuoteOctets), datagram.to, tick()));
    });
  }
}

// Of each server, after each step.
void Simulation::note_calls() {
  for (size_t i = 0; i < kServerCount; ++i) {
    const uint32_t calls = process_->calls().calls(static_cast<balance::ServerIndex>(i));
    const uint32_t before = std::exchange(calls_before_[i], calls);
    calls_max_ = std::max(calls_max_, calls);
    if (options_.max_calls == 0 || calls <= std::max(before, options_.max_calls)) continue;
    beyond_limit_count_ += calls - std::max(before, options_.max_calls);
  }
}

// Nobody is refused a call while there is room, but who was told so before.
void Simulation::check_refusal(const Datagram& datagram, const std::vector<SentMessage>& sent) {
  const bool is_refused = datagram.text.starts_with("INVITE ") && !sent.empty() &&
                          sent.front().text.starts_with(kRefusal);
  if (!is_refused || refused_.contains(branch_of(datagram.text))) return;
  for (size_t i = 0; i < kServerCount; ++i) {
    if (process_->calls().calls(static_cast<balance::ServerIndex>(i)) < options_.max_calls) {
      const uint32_t number = number_of(sip::peek_call_id(datagram.text)).value_or(0);
      return ledger_.fault(number, "was refused though there was room");
    }
  }
}

// When all is over but calls that nobody has ended, and some that a restart has disturbed, no
// others may be counted.
void Simulation::check_abandoned() {
  if (std::exchange(is_over_, true)) return;
  for (const uint32_t calls : calls_before_) abandoned_ += calls;
  const uint64_t expected =
      ledger_.outcome(Phones::kAbandoned) + ledger_.unlucky_count() + ledger_.disturbed_count();
  if (abandoned_ > expected) ledger_.fault(0, std::to_string(abandoned_) + " calls did not end");
}

void Simulation::forward(std::vector<SentMessage> sent) {
  note_calls();
  sent_count_ += sent.size();
  for (SentMessage& message : sent) {
    if (message.text.starts_with(kRefusal)) refused_.insert(branch_of(message.text));
    network_.send(
        {.from = proxy_address(), .to = message.to.remote, .text = std::move(message.text)});
  }
}

void Simulation::check_end() {
  phones_.check_done();
  servers_.check_done();
  process_->check_idle();
  if (const auto evicted = process_->usage().evicted_early; evicted != 0) {
    ledger_.fault(0, std::to_string(evicted) + " tombstones gave way before their time");
  }
  for (const auto& [name, value] : process_->counted().all) {
    const bool is_want = name == "unheld" || name == "affinity_torn" ||
                         (name == "answered/503" && options_.max_calls == 0);
    if (is_want) ledger_.fault(0, std::to_string(value) + " " + name);
  }
  if (const uint64_t count = ledger_.unlucky_count();
      count > 1 + options_.calls / kCallsPerUnlucky) {
    ledger_.fault(0, std::to_string(count) + " failures are more than bad luck");
  }
}

void Simulation::print_table() const {
  print("outcomes", ledger_.outcomes());
  print("seen by phones and servers", ledger_.counts());
  Process::Counts counted = process_->counted().all;
  for (const auto& [name, value] : counted_before_) counted[name] += value;
  print("counted by the lane", counted);
  std::printf("messages\n");
  print("received by the lane", received_count_);
  print("sent by the lane", sent_count_);
  print("lost by the network", network_.stats().lost);
  print("doubled by the network", network_.stats().doubled);
  print("requests sent again by phones", phones_.repeat_count());
  print("responses sent again by servers", servers_.repeat_count());
  std::printf("at most at once\n");
  const Process::Usage usage = process_->usage();
  print("requests under way", usage.contexts_max);
  print("held messages", usage.held_max);
  print("tombstones", usage.finished_max);
  print("calls of one server", calls_max_);
  std::printf("calls\n");
  print("of one server at most", options_.max_calls);
  print("answered beyond that", beyond_limit_count_);
  print("counted when all others were over", abandoned_);
  std::printf("failed\n");
  print("by bad luck", ledger_.unlucky_count());
  print("by a restart", ledger_.disturbed_count());
  print("by fault", ledger_.fault_count());
}

}  // namespace siplb::test
