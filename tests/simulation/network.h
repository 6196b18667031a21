// A network that loses, doubles and reorders datagrams, by dice.
//
// Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/address.h"
#include "simulation/dice.h"
#include "simulation/events.h"
#include "simulation/ledger.h"

namespace siplb::test {

struct Datagram {
  SockAddress from;
  SockAddress to;
  std::string text;
};

struct NetworkOptions {
  double lost = 0.05;
  double doubled = 0.01;
  Duration delay_min = std::chrono::milliseconds(5);
  Duration delay_max = std::chrono::milliseconds(40);
  std::optional<uint32_t> traced;  // the call whose datagrams are printed
};

class Network {
 public:
  using Deliver = std::function<void(const Datagram&)>;
  struct Stats {
    uint64_t sent = 0;
    uint64_t lost = 0;
    uint64_t doubled = 0;
  };

  // All are borrowed for the network's life.
  struct Parts {
    Events& events;
    Ledger& ledger;
    Dice& dice;
  };
  Network(const NetworkOptions& options, const Parts& parts, Deliver deliver)
      : options_(options),
        events_(parts.events),
        ledger_(parts.ledger),
        dice_(parts.dice),
        deliver_(std::move(deliver)) {}

  void send(Datagram datagram);
  // Accounts for a datagram of which nothing can come: dropped here, or by who should have taken,
  // answered or sent it.
  void lose(const Datagram& datagram, const char* why);

  // How long anything takes to the next hop.
  [[nodiscard]] Duration delay() { return dice_.between(options_.delay_min, options_.delay_max); }
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  // Prints it, if it is of the call that is traced.
  void trace(const Datagram& datagram, const char* what) const;

  const NetworkOptions options_;
  Events& events_;
  Ledger& ledger_;
  Dice& dice_;
  const Deliver deliver_;
  Stats stats_;
};

}  // namespace siplb::test
