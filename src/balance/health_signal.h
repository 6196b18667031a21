// What the lanes tell the prober of what their traffic meets, by its mailbox.
//
// Thread: any; plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "balance/topology.h"
#include "base/address.h"

namespace siplb::balance {

// How the branch of every probe of ours begins.
inline constexpr std::string_view kProbeBranchPrefix = "z9hG4bKslp";

struct HealthSignal {
  enum class Kind : uint8_t {
    Silent,       // a request had no answer in the time after which it fails over
    Refused,      // a request certainly did not arrive: closed port, refused or reset connection
    Busy,         // an INVITE was answered 503
    ProbeAnswer,  // the octets are an answer to a probe that came to a listener
  };
  Kind kind = Kind::Silent;
  ServerIndex server = kNoServer;       // none with ProbeAnswer
  std::chrono::seconds retry_after{0};  // with Busy; 0: none was given
  SockAddress remote;                   // with ProbeAnswer: who sent it
};

// What the lanes put signals into. Never blocks; what there is no room for is counted and lost:
// probes come round anyway.
class HealthSink {
 public:
  virtual ~HealthSink() = default;
  virtual void tell(const HealthSignal& signal, std::string_view octets = {}) = 0;
};

}  // namespace siplb::balance
