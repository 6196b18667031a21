// A probe as text, and what answers it.
//
// The branch says whose probe it is and bears a hash under a key that nobody else has: so an answer
// is known wherever it arrives, and none can be made up by who has not seen the probe.
// Thread: any, pure. Bounds: constant size, no heap. RFC 3261, 8.1.1 and 11.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "balance/health_signal.h"
#include "base/fixed_string.h"
#include "base/hash.h"
#include "sip/message.h"
#include "sip/rfc4648.h"

namespace siplb::health {

// The server's index and 80 bits of hash.
inline constexpr size_t kProbeBranchOctets = sizeof(balance::ServerIndex) + 10;
using ProbeBranch =
    FixedString<balance::kProbeBranchPrefix.size() + sip::base32_length(kProbeBranchOctets)>;

inline constexpr uint32_t kSequenceMax = INT32_MAX;  // of its CSeq

struct ProbeId {
  balance::ServerIndex server = 0;
  uint32_t sequence = 0;  // the number in its CSeq: 1 to kSequenceMax
  uint32_t run = 0;       // random: no process takes answers to another one's probes
};

[[nodiscard]] ProbeBranch probe_branch(const HashKey& key, const ProbeId& id,
                                       std::string_view sent_by);
// Whose probe a branch of that form says that it is of: only the branch that was sent proves it.
[[nodiscard]] std::optional<balance::ServerIndex> server_of_branch(std::string_view branch);

struct ProbeRequest {
  sip::Method method = sip::Method::Options;
  sip::Transport transport = sip::Transport::Udp;
  std::string_view request_uri;
  std::string_view sent_by;  // "host" or "host:port"
  std::string_view branch;
  uint32_t sequence = 0;
};

// Writes it and returns its length; 0 where it does not fit.
[[nodiscard]] size_t write_probe(const ProbeRequest& request, std::span<char> out);

struct ProbeAnswer {
  uint16_t code = 0;                    // 200 to 699
  std::chrono::seconds retry_after{0};  // 0: none was given
};

// The final answer to the probe of this branch, number and method; nothing where `response` is
// anything else. Requires: it was scanned Ok.
[[nodiscard]] std::optional<ProbeAnswer> read_answer(const sip::Message& response,
                                                     const ProbeRequest& request);

}  // namespace siplb::health
