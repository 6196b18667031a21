// The callees: servers by RFC 3261, 17.2 and 13.3, some of which have their bad moments.
//
// The To tag of an answer is the branch of its request: so a dialog is found as its INVITE is.
// What was asked is remembered for a while after its end, since what was answered may have got
// lost; what never ends stays, and is a fault.
// Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "simulation/ledger.h"
#include "simulation/network.h"
#include "simulation/plan.h"
#include "sip/message.h"
#include "transaction/invite_server.h"
#include "transaction/non_invite_client.h"

namespace siplb::test {

inline constexpr size_t kServerCount = 4;

class Servers {
 public:
  // All are borrowed for the object's life.
  struct Parts {
    Events& events;
    Network& network;
    Ledger& ledger;
    Dice& dice;
  };
  Servers(const Parts& parts, const SockAddress& proxy, uint64_t seed)
      : events_(parts.events),
        network_(parts.network),
        ledger_(parts.ledger),
        dice_(parts.dice),
        proxy_(proxy),
        seed_(seed) {}

  // 10.0.1.1:5060 and so on.
  [[nodiscard]] static SockAddress address_of(size_t server);
  [[nodiscard]] static bool is_server(const SockAddress& address);

  enum class Reception : uint8_t { Taken, Lost, Refused };
  [[nodiscard]] Reception receive(const Datagram& datagram);

  // Responses sent again, for a repeat or for want of an ACK.
  [[nodiscard]] uint64_t repeat_count() const { return repeat_count_; }
  // Faults for what has not come to an end.
  void check_done();

 private:
  enum class Mood : uint8_t { Well, Slow, Silent, Refusing };

  // A server transaction of an INVITE, and its dialog.
  struct Invite {
    uint32_t number = 0;
    size_t server = 0;
    std::string request;
    transaction::InviteServer machine;
    std::string last;  // of the responses
    uint16_t final_code = 0;
    Instant final_at{};
    uint32_t repeat_count = 0;     // of a 2xx
    bool is_acknowledged = false;  // a 2xx
    bool is_ended = false;         // by BYE, whosever
    bool is_hung_up = false;       // by the BYE of the other end
    std::string bye;               // our own
    transaction::NonInviteClient ending;
    bool is_done = false;  // to be forgotten
  };
  // A request that the servers have seen, but no INVITE.
  struct Other {
    size_t server = 0;
    std::string last;  // empty: not answered yet
  };

  [[nodiscard]] Mood mood_of(size_t server) const;
  [[nodiscard]] Duration answer_delay(size_t server);
  [[nodiscard]] Invite* find(const std::string& branch);
  void send(size_t server, const std::string& text);

  void on_invite(const Datagram& datagram, size_t server);
  void on_ack(size_t server);
  void on_cancel(const Datagram& datagram, size_t server);
  void on_other(const Datagram& datagram, size_t server);
  // What a BYE is answered.
  [[nodiscard]] uint16_t end_dialog(size_t server);
  [[nodiscard]] uint16_t judge(const Datagram& datagram, size_t server);

  void respond(Invite& invite, uint16_t code);
  void finish(Invite& invite, uint16_t code);
  void wait(const std::string& branch);
  void on_due(Invite& invite, const std::string& branch);
  void fork(const Invite& invite, const std::string& branch);
  void repeat_success(Invite& invite, const std::string& branch);
  void forget_if_done(Invite& invite, const std::string& branch);

  void hang_up(Invite& invite, const std::string& branch);
  void wait_for_end(const Invite& invite, const std::string& branch);
  void on_end_due(Invite& invite, const std::string& branch);
  void on_response();

  Events& events_;
  Network& network_;
  Ledger& ledger_;
  Dice& dice_;
  const SockAddress proxy_;
  const uint64_t seed_;
  uint64_t repeat_count_ = 0;
  std::unordered_map<std::string, Invite> invites_;  // by branch
  std::unordered_map<std::string, Other> others_;    // by branch
  std::unordered_set<std::string> asked_;            // by call, CSeq and server
  sip::Message message_;  // the one being read; large, so not on the stack
};

}  // namespace siplb::test
