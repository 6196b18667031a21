// A lane of siplb with two clients and its servers around it, which messages of the corpus are put
// before.
//
// What must always hold is checked after each message, besides what Process checks: nothing goes
// to anybody but the servers and those clients, and what was forwarded is not altered.
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/process.h"

namespace siplb::test {

enum class Origin : uint8_t { Client, Server };

class Stage {
 public:
  // Reads siplb.yaml of the corpus; throws std::runtime_error where it can't.
  explicit Stage(const Resources& resources = {});

  // Forgets everything.
  void reset();
  // A new process, with the key of the old one.
  void restart();

  struct Outcome {
    std::string verdict;  // as in the manifest: "forward", "reply 400", "drop not_sip"
    std::vector<SentMessage> sent;
  };
  // Gives the lane one message by UDP, or by what its top Via says; of IPv6 hosts by IPv6. Throws
  // std::logic_error where something that must always hold does not.
  Outcome receive(std::string_view text, Origin origin);
  // Sends `request` as a client; what siplb writes into it, fill() puts into what comes later.
  void introduce(std::string_view request);
  // `text` with $BRANCH, $SLB, $UPPER_SLB (in capitals), $RR1 and $RR2 (URIs in our Record-Routes,
  // as the server sees them) replaced.
  [[nodiscard]] std::string fill(std::string_view text) const;
  // Runs all timers until then.
  void wait(Duration duration);
  // Waits until calls and requests are forgotten; throws std::logic_error where one is not.
  void settle();

 private:
  [[nodiscard]] transport::Flow flow_of(std::string_view text, Origin origin);
  [[nodiscard]] bool is_party(const SockAddress& address) const;
  void check(const std::vector<SentMessage>& sent) const;
  void check_fidelity(std::string_view text, const transport::Flow& source, const Outcome& outcome);
  // What is wrong with `after_` as the request of that source on its next hop; empty: nothing.
  [[nodiscard]] std::string astray(const SockAddress& source) const;

  config::Configuration configuration_;
  Resources resources_;
  ProcessOptions options_;
  std::optional<Process> process_;
  Process::Counts counted_;
  proxy::Tick tick_;
  SockAddress server_;  // that the introduced request went to
  std::map<std::string, std::string> values_;
  std::unique_ptr<sip::Message> before_ = std::make_unique<sip::Message>();
  std::unique_ptr<sip::Message> after_ = std::make_unique<sip::Message>();
};

}  // namespace siplb::test
