// What the host says of itself, as far as it matters to siplb: read from /proc and /sys.
//
// What can't be read is nothing, and nobody is blamed for it. Files are looked for under a root, so
// that a test brings its own.
// Thread: any. Bounds: a walk through all processes' descriptors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace siplb::ctl {

// Who has a port that siplbd wants.
struct PortOwner {
  std::string transport;  // "udp", "tcp"
  uint16_t port = 0;
  std::string program;  // empty: not told to us
};

enum class Clock : uint8_t { Unknown, Free, Synchronised };

struct HostFacts {
  std::optional<uint64_t> rmem_max;
  std::optional<uint64_t> optmem_max;
  std::optional<uint64_t> somaxconn;
  std::optional<uint64_t> local_port_first;
  std::optional<uint64_t> local_port_last;
  std::vector<uint16_t> reserved_ports;  // of ours, those that no other program is given
  bool has_conntrack = false;
  bool has_conntrack_sip = false;
  std::optional<uint64_t> conntrack_count;
  std::optional<uint64_t> conntrack_max;
  std::string clock_source;
  Clock clock = Clock::Unknown;
  std::optional<uint64_t> descriptors;  // soft limit of the daemon
  std::optional<uint64_t> throttled;    // periods in which its cgroup had used up its quota
  // Who has the ports that siplbd will want, on whatever address. Nothing where it runs: then it
  // has them.
  std::optional<std::vector<PortOwner>> port_owners;
};

struct HostQuestion {
  std::filesystem::path root = "/";
  std::optional<pid_t> daemon;  // its process
  std::vector<uint16_t> ports;  // that it listens at, or will
};
[[nodiscard]] HostFacts read_host_facts(const HostQuestion& question);

}  // namespace siplb::ctl
