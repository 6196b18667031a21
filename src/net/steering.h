// A classic-BPF program by which the kernel finds the lane that a datagram names.
//
// Attached to a SO_REUSEPORT group of UDP sockets it is run for each datagram and returns the place
// of a socket in the group. It needs no privilege. Such a program has no loops and jumps only
// forward, so the search is written out: at every fourth octet it asks for four octets of the mark,
// which no seven in a row escape. What it does not find it leaves to the kernel's flow hash. It is
// a hint: nothing may depend on where a datagram arrives.
// Thread: any, pure.
// Bounds: the first kSteeringOctets of a datagram; about 590 instructions, for which 20 KiB of
// net.core.optmem_max suffice, the lowest of its defaults.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <linux/filter.h>

namespace siplb::net {

inline constexpr size_t kSteeringOctets = 512;

struct SteeringOptions {
  std::string_view prefix;  // four octets: only datagrams that begin so are looked into
  // This octet, so many times (at least 7), then two decimal digits: the lane.
  char mark = 0;
  size_t mark_length = 7;
};

// Requires: the options are within the limits above.
[[nodiscard]] std::vector<sock_filter> steering_program(const SteeringOptions& options);

}  // namespace siplb::net
