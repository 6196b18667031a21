// The callers: each behaves by RFC 3261, 17.1, 13.2 and 9.1, over datagrams that get lost.
//
// A phone makes one call, or one other request. It acknowledges every 2xx that it gets, and ends
// every dialog but the first at once (13.2.2.4). It is remembered for a while after its end, since
// what it said last may have got lost.
// Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simulation/ledger.h"
#include "simulation/network.h"
#include "simulation/plan.h"
#include "sip/message.h"
#include "transaction/invite_client.h"
#include "transaction/non_invite_client.h"

namespace siplb::test {

class Phones {
 public:
  // All are borrowed for the object's life.
  struct Parts {
    Events& events;
    Network& network;
    Ledger& ledger;
  };
  Phones(const Parts& parts, const SockAddress& proxy, uint64_t seed)
      : events_(parts.events),
        network_(parts.network),
        ledger_(parts.ledger),
        proxy_(proxy),
        seed_(seed) {}

  // A phone of its own sends the first request.
  void start(uint32_t number);
  void receive(const Datagram& datagram);

  [[nodiscard]] uint64_t repeat_count() const { return repeat_count_; }
  // What became of those that nobody ended, and of those that no server had room for.
  static constexpr const char* kAbandoned = "answered and abandoned";
  static constexpr const char* kRefused = "refused for want of room";

  // Faults for those that have not come to an end.
  void check_done();

 private:
  // A client transaction.
  struct Request {
    sip::Method method = sip::Method::Invite;
    std::string branch;
    std::string text;
    transaction::InviteClient invite;    // of an INVITE
    transaction::NonInviteClient other;  // of anything else
  };
  struct Dialog {
    std::string to_tag;
    std::string ack;
    std::string bye;
    bool is_ended = false;
  };
  struct Call {
    uint32_t number = 0;
    Plan plan;
    SockAddress address;
    uint32_t cseq = 1;
    std::vector<Request> requests;
    std::vector<Dialog> dialogs;
    bool is_cancel_set = false;  // it will be, unless a final response comes first
    bool is_cancelled = false;
    bool is_refused = false;  // there was no room for it
    bool is_ended = false;
  };
  struct Answer {
    const sip::Message& message;
    std::string_view text;
  };

  [[nodiscard]] Call* find(uint32_t number);
  [[nodiscard]] std::string new_branch(const Call& call) const;
  void send(const Call& call, const std::string& text);
  void begin(Call& call, sip::Method method, const std::string& text);
  void send_first(Call& call);
  void send_bye(Call& call, size_t dialog);
  void wait(const Call& call, size_t request);
  void on_due(Call& call, size_t request);
  void on_timed_out(Call& call, const Request& request);

  void on_invite_answer(Call& call, Request& request, const Answer& answer);
  void on_provisional(Call& call);
  void on_success(Call& call, const Answer& answer);
  void on_failure(Call& call, uint16_t status);
  void on_other_answer(Call& call, Request& request, const Answer& answer);
  void on_bye(Call& call, const Datagram& datagram);
  // One of its dialogs is over.
  void on_hung_up(Call& call, std::string_view to_tag);
  void cancel(Call& call);
  // Every dialog that it knows has ended.
  [[nodiscard]] static bool is_over(const Call& call);
  void end(Call& call, std::string_view outcome);
  void forget_later(uint32_t number);

  Events& events_;
  Network& network_;
  Ledger& ledger_;
  const SockAddress proxy_;
  const uint64_t seed_;
  uint64_t repeat_count_ = 0;
  std::unordered_map<uint32_t, Call> calls_;
  sip::Message message_;  // the one being read; large, so not on the stack
};

}  // namespace siplb::test
