// The seal: what siplb writes into messages so that it needs no memory of them (SIP.md, 2).
//
// Branch, `;slb=` and token, each under a keyed hash with its own purpose. Any process with the key
// makes the same branch for the same transaction and can verify the rest: another worker, another
// node, the next process. Only canonical values go into a hash, never text, since stacks re-print
// what they echo.
// Thread: any, immutable once built. Bounds: constant size, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/fixed_string.h"
#include "base/hash.h"
#include "sip/message.h"

namespace siplb::sip {

// ---- Branch -----------------------------------------------------------------------------------

inline constexpr std::string_view kBranchPrefix = "z9hG4bKslb";
// Of the health checks' requests, which come from no lane.
inline constexpr std::string_view kProbeBranchPrefix = "z9hG4bKslp";
[[nodiscard]] bool is_probe_branch(std::string_view branch);
inline constexpr size_t kBranchLength = kBranchPrefix.size() + 16 + 1;  // 80 bits, attempt
using Branch = FixedString<kBranchLength>;

// The 80 bits of a branch: one value for a transaction, whatever server it is sent to.
struct BranchHash {
  std::array<uint8_t, 10> octets{};
  // 64 of them, for tables.
  [[nodiscard]] uint64_t key() const;
  bool operator==(const BranchHash&) const = default;
};

// A branch of ours, taken apart.
struct OwnBranch {
  BranchHash hash;
  uint8_t attempt = 0;
};

// ---- ;slb= ------------------------------------------------------------------------------------

// How the request with this Via was forwarded, and so what to do with its responses.
enum class SealMode : uint8_t {
  Stateful = 0,
  Stateless = 1,
  ScatteredCancel = 2,  // a copy to every server: their 481s are dropped
};

inline constexpr unsigned kSealMinutes = 1 << 14;  // 11 days

struct ViaSeal {
  uint8_t lane = 0;       // a hint for steering: outside the MAC, never trusted
  uint32_t instance = 0;  // the process that wrote it
  SealMode mode = SealMode::Stateless;
  uint32_t loop_hash = 0;
  uint16_t listener = 0;  // name hash of the listener that the request came by
  uint16_t minute = 0;    // when it was sealed: minutes since 1970, wrapping at kSealMinutes
  // The address of ours that the request came to, where the listener has a wildcard address;
  // port 0. The response leaves from there.
  SockAddress local;
  // That the request came by, where that was a stream: the process that wrote this is `instance`,
  // and only there it means anything. 0 = none.
  uint64_t connection = 0;
  // Of this Via itself: inside the MAC, but not in the text, where the Via says it.
  Transport transport = Transport::Udp;
};

// The canonical values of the Via below ours: what a response will be sent by.
struct NextVia {
  Transport transport = Transport::Udp;
  std::string_view host;  // compared without case
  uint16_t port = 0;      // effective
  SockAddress received;   // port 0; Family::None = absent
  uint16_t rport = 0;     // 0 = absent
  std::string_view branch;
};

// marker and lane, then instance, minute and mode, loop hash, listener, 0, 4 or 16 octets of the
// local address, 0 or 8 of the connection, and MAC in base32
inline constexpr size_t kSlbLengthMax = 9 + 71;
using SlbText = FixedString<kSlbLengthMax>;

// ---- Token ------------------------------------------------------------------------------------

// One end of a dialog: a server of ours or a client's flow.
struct TokenEnd {
  bool is_server = false;
  uint32_t server_id = 0;  // servers: hash of group and name
  uint16_t listener = 0;   // clients: hash of the listener's name
  Transport transport = Transport::Udp;
  SockAddress address;  // the server's when sealed; the client's remote address
  // Clients: Flow::local, where the listener has a wildcard address; port 0.
  SockAddress local;
  // Clients on a stream, as `transport` says: the process that has the connection, and which one it
  // is there.
  uint32_t instance = 0;
  uint64_t connection = 0;
  bool operator==(const TokenEnd&) const = default;
};

enum class TokenKind : uint8_t {
  Dialog,
  // In a Path (RFC 3327): bound to no call, so it is honoured from servers only.
  Path,
};

struct Token {
  TokenKind kind = TokenKind::Dialog;
  TokenEnd initiator;
  TokenEnd responder;
  uint32_t from_tag_hash = 0;  // 24 bits: of the initiator's From tag
  uint16_t issue_day = 0;      // days since 1970
  bool operator==(const Token&) const = default;
};

// header 1, day 2, tag hash 3, a server's end of at most 23, a client's of at most 49 (both IPv6),
// MAC 8: base64url of 86. Two clients have no token.
inline constexpr size_t kTokenLengthMax = 115;
using TokenText = FixedString<kTokenLengthMax>;

// Why a seal was refused; the label `reason` of siplb_seal_rejected_total.
enum class SealFault : uint8_t {
  None,
  NotOurs,    // not of our form at all: an ordinary URI or Via
  Malformed,  // our form, but it does not decode
  BadMac,     // forged, foreign, altered, or bound to something else
  Expired,    // older than token_life, or from the future
  kCount,
};
[[nodiscard]] std::string_view seal_fault_name(SealFault fault);

// "slb" and 80 bits in base32
inline constexpr size_t kLocalTagLength = 3 + 16;
using LocalTag = FixedString<kLocalTagLength>;

class Seal {
 public:
  // `instance` is random at each start; `token_life_days` as configured.
  Seal(const HashKey& key, uint32_t instance, uint16_t token_life_days);

  [[nodiscard]] uint32_t instance() const { return instance_; }

  // The branch of our Via on `request`. Equal for INVITE, its retransmissions, its CANCEL and its
  // ACK to a non-2xx, whatever tags, Proxy-Require, or source port they come with. For requests
  // without the RFC 3261 cookie it is made from the values of 17.2.3.
  [[nodiscard]] BranchHash branch_hash(const Message& request) const;

  // `our_sent_by` is what our Via says, "host" or "host:port". Requires: lane below 100.
  [[nodiscard]] SlbText seal_via(const ViaSeal& fields, std::string_view branch,
                                 std::string_view our_sent_by, const NextVia& next) const;
  // Verifies `via`, the top Via of a response, against the Via below it; fills `out` when None.
  [[nodiscard]] SealFault open_via(const Via& via, const NextVia& next, ViaSeal& out) const;

  // Requires: both ends have an address, and one of them at least is a server's. With
  // TokenKind::Path `call_id` is not looked at.
  [[nodiscard]] TokenText seal_token(const Token& token, std::string_view call_id) const;
  // `user` is a URI's user part. `today` is in days since 1970. Fills `out` when None.
  [[nodiscard]] SealFault open_token(std::string_view user, std::string_view call_id,
                                     uint16_t today, Token& out) const;

  // 24 bits of a From or To tag, for Token::from_tag_hash; the MAC covers it, so it is not keyed.
  [[nodiscard]] uint32_t tag_hash(std::string_view tag) const;

  // The To tag of our own final answers: the same for every retransmission of a request and for the
  // ACK to the answer, which carries it.
  [[nodiscard]] LocalTag local_tag(const Message& request) const;
  // True where `request`, an ACK, bears the To tag of an answer of our own.
  [[nodiscard]] bool is_local_tag(const Message& request) const;

  // Over Request-URI, remaining Route set, Call-ID, tags, CSeq, Proxy-Require, the listener and the
  // sender's group (0 = none): the same request at the same side is a loop (RFC 5393).
  // `remaining_routes` starts in `request` at the first Route value left, empty = none, and ends
  // with its header; the Routes in headers behind it count too.
  [[nodiscard]] uint32_t loop_hash(const Message& request, std::string_view remaining_routes,
                                   uint16_t listener, uint32_t sender_group) const;

  // 8 hexadecimal digits that name the key in logs and metrics and say nothing else about it.
  [[nodiscard]] FixedString<8> fingerprint() const;

 private:
  HashKey key_;
  uint32_t instance_;
  uint16_t token_life_days_;
};

// The branch as it stands in a Via. `attempt` counts servers tried before, 0 to 31.
[[nodiscard]] Branch branch_text(const BranchHash& hash, uint8_t attempt);
// Takes a branch of our form apart; nothing where it is not of our form.
[[nodiscard]] std::optional<OwnBranch> read_branch(std::string_view branch);

// 16 bits of a listener's name; the configuration refuses two listeners that share it.
[[nodiscard]] uint16_t listener_hash(std::string_view name);
// 32 bits of group and name; the configuration refuses two servers that share it.
[[nodiscard]] uint32_t server_id(std::string_view group, std::string_view name);

// Makes the canonical values of a Via as it stands in a message.
[[nodiscard]] NextVia canonical(const Via& via);

}  // namespace siplb::sip
