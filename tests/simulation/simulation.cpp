#include "simulation/simulation.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "config/load.h"

namespace siplb::test {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kProxyIp = 0x0a000001;  // 10.0.0.1
constexpr uint16_t kToday = 20'000;        // days since 1970
constexpr Duration kAfterwards = 10min;
// A BYE is the most likely to fail for good: 11 tries over two hops and back, 3 of which a server
// may sleep through.
constexpr uint32_t kCallsPerUnlucky = 50'000;
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
            ", uri: \"sip:" + std::string(Servers::address_of(i).text()) + "\"}\n";
  }
  const config::LoadResult loaded = config::load_text(text, "config", "/");
  if (!loaded.good()) throw std::logic_error(loaded.faults.front().message);
  return loaded.configuration;
}

// Enough for the rate, and no more: what is not given back in time is missed.
ProcessOptions process_of(const SimulationOptions& options) {
  const auto in = [&](Duration time) {
    return static_cast<size_t>(options.rate * std::chrono::duration<double>(time).count()) + 256;
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
      process_(configuration_of(options), process_of(options)),
      phones_({.events = events_, .network = network_, .ledger = ledger_}, proxy_address(),
              options.seed),
      servers_({.events = events_, .network = network_, .ledger = ledger_, .dice = dice_},
               proxy_address(), options.seed) {}

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
  const auto mean =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1) / options_.rate);
  events_.after(dice_.exponential(mean), [this] {
    const uint32_t number = ++request_count_;
    if (plan_of(options_.seed, number).method == sip::Method::Invite) ++call_count_;
    phones_.start(number);
    arrive();
  });
}

// Until nobody has anything left to do.
void Simulation::run_out() {
  while (true) {
    const auto deadline = process_.next_deadline();
    const auto event = events_.next();
    if (!deadline && !event) return;
    if (event && (!deadline || *event < *deadline)) {
      events_.run_next();
    } else {
      events_.pass(*deadline);
      forward(process_.run_timers(tick()));
    }
  }
}

void Simulation::deliver(const Datagram& datagram) {
  if (datagram.to == proxy_address()) {
    ++received_count_;
    forward(process_.receive({.remote = datagram.from}, datagram.text, tick()));
  } else if (!Servers::is_server(datagram.to)) {
    phones_.receive(datagram);
  } else if (servers_.receive(datagram) == Servers::Reception::Refused) {
    events_.after(network_.delay(), [this, datagram] {
      forward(process_.undelivered(datagram.text.substr(0, kQuoteOctets), datagram.to, tick()));
    });
  }
}

void Simulation::forward(std::vector<SentMessage> sent) {
  sent_count_ += sent.size();
  for (SentMessage& message : sent) {
    network_.send(
        {.from = proxy_address(), .to = message.to.remote, .text = std::move(message.text)});
  }
}

void Simulation::check_end() {
  phones_.check_done();
  servers_.check_done();
  process_.check_idle();
  if (const auto evicted = process_.usage().evicted_early; evicted != 0) {
    ledger_.fault(0, std::to_string(evicted) + " tombstones gave way before their time");
  }
  for (const auto& [name, value] : process_.counted().all) {
    const bool is_want = name == "unheld" || name == "affinity_torn" || name == "answered/503";
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
  print("counted by the lane", process_.counted().all);
  std::printf("messages\n");
  print("received by the lane", received_count_);
  print("sent by the lane", sent_count_);
  print("lost by the network", network_.stats().lost);
  print("doubled by the network", network_.stats().doubled);
  print("requests sent again by phones", phones_.repeat_count());
  print("responses sent again by servers", servers_.repeat_count());
  std::printf("at most at once\n");
  const Process::Usage usage = process_.usage();
  print("requests under way", usage.contexts_max);
  print("held messages", usage.held_max);
  print("tombstones", usage.finished_max);
  std::printf("failed\n");
  print("by bad luck", ledger_.unlucky_count());
  print("by fault", ledger_.fault_count());
}

}  // namespace siplb::test
