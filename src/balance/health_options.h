// How a server's health is watched, as configured: groups[].health, or its server's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sip/method.h"

namespace siplb::balance {

inline constexpr size_t kHealthDownMax = 16;

// Where probes come from.
enum class ProbeSource : uint8_t {
  Own,       // sockets of the prober's own
  Listener,  // the listener's own address and port: for servers that admit nothing else. UDP only
};

struct HealthOptions {
  // False: nobody asks. The server stays unknown, and so usable, whatever its traffic meets; only
  // the operator takes it out.
  bool is_watched = true;
  sip::Method method = sip::Method::Options;
  std::chrono::milliseconds interval = std::chrono::seconds(1);  // 100 ms to 1 h
  // Between probes once one has failed, or once one has succeeded of a server that is down.
  std::chrono::milliseconds fast_interval{500};
  std::chrono::milliseconds timeout{500};
  uint8_t rise = 2;  // answers in a row that bring it back
  uint8_t fall = 3;  // silences or refusals in a row that take it out
  ProbeSource source = ProbeSource::Own;
  std::vector<uint16_t> down;  // codes that do not prove life, besides 408; at most kHealthDownMax
  std::chrono::milliseconds retry_after_max = std::chrono::seconds(5);
  bool operator==(const HealthOptions&) const = default;
};

}  // namespace siplb::balance
