// A network and a clock for both engines: lossless and without delay until a test says otherwise.
//
// Whatever is sent waits until deliver(); a rule sees each letter first and may lose it, repeat it
// or send it elsewhere. Letters arrive in heap blocks of their exact size, so that the sanitizer
// sees a read past their end.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "load/answerer.h"
#include "load/caller.h"
#include "transport/wire.h"

namespace siplb::load::test {

using namespace std::chrono_literals;

struct Letter {
  SockAddress from;
  SockAddress to;
  std::string octets;
  transport::ConnectionId connection = {};  // of a stream

  // "INVITE" or "200": what the start line begins with, "SIP/2.0" left out.
  [[nodiscard]] std::string kind() const {
    const std::string line = octets.starts_with("SIP/2.0 ") ? octets.substr(8) : octets;
    return line.substr(0, line.find(' '));
  }
};

enum class Fate : uint8_t { Deliver, Lose, Repeat };
using Rule = std::function<Fate(Letter&)>;

// Both engines on one network. Set the options, then run().
class LoadRig {
 public:
  LoadRig() {
    caller_options.target = server_address(0);
    caller_options.sources = {SockAddress::v4(0xC0000201, 40000)};
    caller_options.seed = 0x5eed;
    caller_options.pace = {.window = 1, .calls_max = 1};
    caller_options.calls_max = 16;
    answerer_options.held_max = 16;
    answerer_options.remembered_max = 1024;
    set_servers(1);
  }

  static SockAddress server_address(size_t index) {
    return SockAddress::v4(0xC6336401, static_cast<uint16_t>(5061 + index));
  }

  void set_servers(size_t count) {
    answerer_options.servers.clear();
    for (size_t i = 0; i < count; ++i) {
      answerer_options.servers.push_back({"s" + std::to_string(i + 1), server_address(i), {}});
    }
  }

  void use_streams() {
    caller_options.transport = answerer_options.transport = sip::Transport::Tcp;
  }

  void start() {
    caller = std::move(*Caller::create(caller_options, caller_wire_, now));
    answerer = std::move(*Answerer::create(answerer_options, answerer_wire_, now));
  }

  // Goes on until nothing is left to happen, where the clock stops, or `end` is reached.
  void run_until(Instant end) {
    if (!caller) start();
    while (true) {
      caller->on_tick(now);
      answerer->on_tick(now);
      if (deliver()) continue;
      const std::optional<Instant> a = caller->next_deadline(now);
      const std::optional<Instant> b = answerer->next_deadline();
      if (!a && !b) break;
      const Instant next = a && b ? std::min(*a, *b) : a ? *a : *b;
      if (next > end) {
        now = end;
        break;
      }
      now = std::max(next, now + 1ms);
    }
  }
  void run() { run_until(now + 10min); }

  // How many letters of this kind were sent, lost ones included.
  [[nodiscard]] size_t sent(std::string_view kind) const {
    size_t count = 0;
    for (const Letter& letter : log) count += letter.kind() == kind ? 1 : 0;
    return count;
  }

  // Puts a letter on its way as if somebody else had sent it.
  void inject(const Letter& letter) { letters_.push_back(letter); }

  [[nodiscard]] const CallStats& stats() const { return caller->stats(); }
  [[nodiscard]] const ServerStats& server_stats(size_t index = 0) const {
    return answerer->stats(index);
  }

  CallerOptions caller_options;
  AnswererOptions answerer_options;
  Rule rule = [](Letter&) { return Fate::Deliver; };
  std::vector<Letter> log;
  Instant now = Instant{} + 1h;
  std::unique_ptr<Caller> caller;
  std::unique_ptr<Answerer> answerer;
  transport::SendStatus wire_status = transport::SendStatus::Queued;

 private:
  class RigWire final : public transport::Wire {
   public:
    RigWire(LoadRig& rig, std::function<SockAddress(size_t)> address)
        : rig_(rig), address_(std::move(address)) {}
    transport::SendStatus send(const transport::Flow& flow,
                               std::span<const std::string_view> pieces) override {
      if (rig_.wire_status != transport::SendStatus::Queued) return rig_.wire_status;
      Letter letter{address_(flow.listener), flow.remote, {}, flow.connection};
      for (const std::string_view piece : pieces) letter.octets += piece;
      rig_.letters_.push_back(letter);
      return transport::SendStatus::Queued;
    }

   private:
    LoadRig& rig_;
    std::function<SockAddress(size_t)> address_;
  };

  // True where something arrived.
  bool deliver() {
    std::deque<Letter> letters;
    letters.swap(letters_);
    for (Letter& letter : letters) {
      log.push_back(letter);
      const Fate fate = rule(letter);
      if (fate != Fate::Lose) arrive(letter);
      if (fate == Fate::Repeat) arrive(letter);
    }
    return !letters.empty();
  }

  void arrive(const Letter& letter) {
    std::vector<char> octets(letter.octets.begin(), letter.octets.end());
    octets.shrink_to_fit();
    const auto to_listener = [&](size_t listener, transport::Receiver& receiver) {
      transport::Inbound inbound{
          .octets = octets,
          .flow = {.remote = letter.from,
                   .listener = static_cast<transport::ListenerIndex>(listener),
                   .transport = caller_options.transport,
                   .connection = letter.connection}};
      receiver.on_batch({&inbound, 1}, now);
    };
    for (size_t i = 0; i < caller_options.sources.size(); ++i) {
      if (caller_options.sources[i] == letter.to) to_listener(i, *caller);
    }
    for (size_t i = 0; i < answerer_options.servers.size(); ++i) {
      if (answerer_options.servers[i].address == letter.to) to_listener(i, *answerer);
    }
  }

  std::deque<Letter> letters_;
  RigWire caller_wire_{*this, [this](size_t i) { return caller_options.sources[i]; }};
  RigWire answerer_wire_{*this, [this](size_t i) { return answerer_options.servers[i].address; }};
};

// Loses the first `count` letters of a kind.
inline Rule lose_first(std::string kind, size_t count) {
  return [kind = std::move(kind), count](Letter& letter) mutable {
    if (letter.kind() != kind || count == 0) return Fate::Deliver;
    --count;
    return Fate::Lose;
  };
}

}  // namespace siplb::load::test
