// What the phones and servers of a simulation saw: the judge of it.
//
// A transaction may fail only where the network dropped a datagram for each time that it was tried,
// and hardly ever: so the judge is also told of each datagram that was lost.
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sip/method.h"

namespace siplb::test {

class Ledger {
 public:
  // A call, or another request, reached its end.
  void end(std::string_view outcome) { ++outcomes_[std::string(outcome)]; }
  // Something happened to it that must not happen to any. The first ones are printed.
  void fault(uint32_t number, std::string_view text);
  // From now on calls up to that one may end in any way: what was known of them is lost.
  void disturb(uint32_t last) { disturbed_ = last; }
  // A transaction failed.
  struct Failure {
    uint32_t number = 0;
    sip::Method method = sip::Method::Invite;
    std::string_view text;
  };
  // A fault, unless the network lost as many datagrams of it as it takes.
  void fail(const Failure& failure);
  // A datagram got lost on its way.
  void on_lost(std::string_view datagram);
  // For the table only.
  void count(std::string_view what) { ++counts_[std::string(what)]; }

  // A server took a MESSAGE, which no other one may take.
  void on_message_taken(uint32_t number, size_t server);
  // A server answered 2xx to an INVITE.
  void on_call_answered(uint32_t number);

  using Counts = std::map<std::string, uint64_t>;
  [[nodiscard]] const Counts& outcomes() const { return outcomes_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] uint64_t fault_count() const { return fault_count_; }
  // Failures that were nobody's fault.
  [[nodiscard]] uint64_t unlucky_count() const { return unlucky_count_; }
  // Faults of calls that were disturbed.
  [[nodiscard]] uint64_t disturbed_count() const { return disturbed_count_; }
  [[nodiscard]] uint64_t outcome(const std::string& name) const {
    const auto found = outcomes_.find(name);
    return found == outcomes_.end() ? 0 : found->second;
  }

 private:
  // Counts it if the call was disturbed.
  bool forgive(uint32_t number);

  static constexpr uint64_t kPrintedMax = 20;

  Counts outcomes_;
  Counts counts_;
  uint64_t fault_count_ = 0;
  uint64_t unlucky_count_ = 0;
  uint32_t disturbed_ = 0;  // and all before it
  uint64_t disturbed_count_ = 0;
  std::unordered_map<std::string, uint32_t> lost_;  // by number and method
  std::unordered_map<uint32_t, size_t> messages_;   // the server that took it
  std::unordered_map<uint32_t, uint32_t> answers_;  // how often
};

}  // namespace siplb::test
