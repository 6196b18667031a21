#include "ctl/host_facts.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <system_error>

#include <sys/timex.h>

namespace siplb::ctl {
namespace {

namespace fs = std::filesystem;

std::optional<uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  uint64_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

std::string line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The number behind `key` in lines such as "nr_throttled 5" and "Max open files  1024  4096".
std::optional<uint64_t> number_behind(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream rest(line.substr(key.size()));
    uint64_t number = 0;
    if (rest >> number) return number;
  }
  return std::nullopt;
}

// "5060,5080-5090"
bool is_listed(const std::string& ports, uint16_t port) {
  std::istringstream parts(ports);
  for (std::string part; std::getline(parts, part, ',');) {
    unsigned first = 0;
    unsigned last = 0;
    const int read = std::sscanf(part.c_str(), "%u-%u", &first, &last);
    if (read >= 1 && first <= port && port <= (read == 2 ? last : first)) return true;
  }
  return false;
}

// ---- Who has a port

using Sockets = std::map<uint64_t, PortOwner>;  // by inode

struct SocketTable {
  const char* file;
  const char* transport;
  const char* state;  // of one that takes what comes
};
constexpr SocketTable kTables[] = {
    {"udp", "udp", "07"}, {"udp6", "udp", "07"}, {"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}};

void read_table(const fs::path& net, const SocketTable& table, const std::vector<uint16_t>& ports,
                Sockets& sockets) {
  std::ifstream in(net / table.file);
  std::string line;
  std::getline(in, line);  // the titles
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string skipped;
    std::string local;
    std::string state;
    uint64_t inode = 0;
    fields >> skipped >> local >> skipped >> state;
    for (int i = 0; i < 5; ++i) fields >> skipped;
    const size_t colon = local.rfind(':');
    if (!(fields >> inode) || colon == std::string::npos || state != table.state) continue;
    const auto port = static_cast<uint16_t>(std::strtoul(local.c_str() + colon + 1, nullptr, 16));
    if (std::find(ports.begin(), ports.end(), port) == ports.end()) continue;
    sockets[inode] = {.transport = table.transport, .port = port, .program = {}};
  }
}

// Names the sockets' programs, as far as we may look.
void name_programs(const fs::path& proc, Sockets& sockets) {
  std::error_code fault;
  for (const auto& process : fs::directory_iterator(proc, fault)) {
    const std::string number = process.path().filename();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code denied;
    for (const auto& each : fs::directory_iterator(process.path() / "fd", denied)) {
      const std::string target = fs::read_symlink(each.path(), denied);
      if (!target.starts_with("socket:[")) continue;
      const auto found = sockets.find(std::strtoull(target.c_str() + 8, nullptr, 10));
      if (found != sockets.end()) found->second.program = line_of(process.path() / "comm");
    }
  }
}

std::vector<PortOwner> owners_of(const HostQuestion& question) {
  const fs::path proc = question.root / "proc";
  Sockets sockets;
  for (const SocketTable& table : kTables) {
    read_table(proc / "net", table, question.ports, sockets);
  }
  if (sockets.empty()) return {};
  name_programs(proc, sockets);
  std::vector<PortOwner> out;
  std::set<std::string> seen;
  for (const auto& [inode, owner] : sockets) {
    const std::string key = owner.transport + std::to_string(owner.port) + owner.program;
    if (owner.program != "siplbd" && seen.insert(key).second) out.push_back(owner);
  }
  return out;
}

// ---- The daemon's process

// The periods in which its cgroup, or one above it, had used up its quota.
std::optional<uint64_t> throttled_periods(const HostQuestion& question) {
  const std::string line =
      line_of(question.root / "proc" / std::to_string(*question.daemon) / "cgroup");
  const std::string start = "0::/";
  if (!line.starts_with(start)) return std::nullopt;
  const fs::path group = question.root / "sys/fs/cgroup" / line.substr(start.size());
  return number_behind(group / "cpu.stat", "nr_throttled");
}

}  // namespace

HostFacts read_host_facts(const HostQuestion& question) {
  const fs::path kernel = question.root / "proc/sys";
  const fs::path core = kernel / "net/core";
  HostFacts facts;
  facts.rmem_max = number_in(core / "rmem_max");
  facts.optmem_max = number_in(core / "optmem_max");
  facts.somaxconn = number_in(core / "somaxconn");
  const fs::path ipv4 = kernel / "net/ipv4";
  std::istringstream range(line_of(ipv4 / "ip_local_port_range"));
  uint64_t first = 0;
  uint64_t last = 0;
  if (range >> first >> last) {
    facts.local_port_first = first;
    facts.local_port_last = last;
  }
  const std::string reserved = line_of(ipv4 / "ip_local_reserved_ports");
  std::copy_if(question.ports.begin(), question.ports.end(),
               std::back_inserter(facts.reserved_ports),
               [&](uint16_t port) { return is_listed(reserved, port); });
  std::error_code fault;
  const fs::path modules = question.root / "sys/module";
  facts.has_conntrack = fs::exists(modules / "nf_conntrack", fault);
  // What is built into the kernel has a folder there as well, but no users to count.
  facts.has_conntrack_sip = fs::exists(modules / "nf_conntrack_sip/refcnt", fault);
  facts.conntrack_count = number_in(kernel / "net/netfilter/nf_conntrack_count");
  facts.conntrack_max = number_in(kernel / "net/netfilter/nf_conntrack_max");
  facts.clock_source =
      line_of(question.root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
  timex clock{};
  const int state = adjtimex(&clock);
  if (state >= 0) facts.clock = state == TIME_ERROR ? Clock::Free : Clock::Synchronised;
  if (question.daemon) {
    const fs::path process = question.root / "proc" / std::to_string(*question.daemon);
    facts.descriptors = number_behind(process / "limits", "Max open files");
    facts.throttled = throttled_periods(question);
  } else {
    facts.port_owners = owners_of(question);
  }
  return facts;
}

}  // namespace siplb::ctl
