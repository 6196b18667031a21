#include "ctl/diagnosis.h"

#include <algorithm>
#include <cstdio>

namespace siplb::ctl {
namespace {

using Findings = std::vector<Finding>;

constexpr uint64_t kReceiveBytes = 8 * 1024 * 1024;  // limits.socket_receive, if not set
constexpr uint64_t kOptionBytes = 20 * 1024;         // see net/steering.h
constexpr uint64_t kBacklog = 4096;                  // see net/tcp_listener.h
// 20,000 connections, and what lanes, servers and probes take besides.
constexpr uint64_t kDescriptors = 65536;
constexpr uint64_t kConntrackPercentMax = 80;

struct Setting {
  const char* check;
  const char* name;  // of sysctl
  const std::optional<uint64_t>& value;
  uint64_t wanted;
};

void check_setting(const Setting& setting, Findings& findings) {
  if (!setting.value) return;
  Finding& finding = findings.emplace_back();
  finding.check = setting.check;
  finding.text = std::string(setting.name) + " is " + std::to_string(*setting.value);
  if (*setting.value >= setting.wanted) return;
  finding.remedy = "sysctl -w " + std::string(setting.name) + '=' + std::to_string(setting.wanted);
}

void check_descriptors(const HostFacts& facts, Findings& findings) {
  if (!facts.descriptors) return;
  findings.push_back({"descriptors",
                      "siplbd may open " + std::to_string(*facts.descriptors) + " descriptors",
                      *facts.descriptors >= kDescriptors
                          ? ""
                          : "LimitNOFILE=" + std::to_string(kDescriptors) + " in its unit"});
}

void check_conntrack(const HostFacts& facts, Findings& findings) {
  if (facts.has_conntrack_sip) {
    findings.push_back({"conntrack-sip", "nf_conntrack_sip is loaded: the kernel may rewrite SIP",
                        "modprobe -r nf_nat_sip nf_conntrack_sip, and blacklist both"});
  } else {
    findings.push_back({"conntrack-sip", "the kernel does not rewrite SIP", ""});
  }
  if (!facts.has_conntrack || !facts.conntrack_count || !facts.conntrack_max) return;
  const bool is_full = *facts.conntrack_count * 100 > *facts.conntrack_max * kConntrackPercentMax;
  findings.push_back(
      {"conntrack",
       "connections are tracked: " + std::to_string(*facts.conntrack_count) + " of " +
           std::to_string(*facts.conntrack_max),
       is_full ? "leave SIP out of it (nft: notrack), or raise net.netfilter.nf_conntrack_max"
               : ""});
}

void check_clock(const HostFacts& facts, Findings& findings) {
  if (!facts.clock_source.empty()) {
    const bool is_slow = facts.clock_source == "hpet" || facts.clock_source == "acpi_pm";
    findings.push_back({"clock-source", "the clock is read from " + facts.clock_source,
                        is_slow ? "find out why the kernel does not trust tsc (dmesg)" : ""});
  }
  if (facts.clock == Clock::Unknown) return;
  const bool is_free = facts.clock == Clock::Free;
  findings.push_back({"clock",
                      is_free ? "the clock is not synchronised" : "the clock is synchronised",
                      is_free ? "run chrony or systemd-timesyncd" : ""});
}

void check_quota(const HostFacts& facts, Findings& findings) {
  if (!facts.throttled) return;
  const bool is_throttled = *facts.throttled > 0;
  findings.push_back(
      {"cpu-quota",
       is_throttled ? "siplbd was throttled in " + std::to_string(*facts.throttled) + " periods"
                    : "siplbd was never throttled",
       is_throttled ? "raise CPUQuota of its unit, or of the slice above it" : ""});
}

// A port that others are given for what they send from may be theirs when we restart.
void check_port_range(const HostFacts& facts, const std::vector<uint16_t>& ports,
                      Findings& findings) {
  if (!facts.local_port_first || !facts.local_port_last) return;
  const std::string range =
      std::to_string(*facts.local_port_first) + '-' + std::to_string(*facts.local_port_last);
  Finding finding{"port-range", "others are given ports " + range, ""};
  for (const uint16_t port : ports) {
    const auto& reserved = facts.reserved_ports;
    const bool is_reserved = std::find(reserved.begin(), reserved.end(), port) != reserved.end();
    if (port < *facts.local_port_first || port > *facts.local_port_last || is_reserved) continue;
    finding.text += ", our " + std::to_string(port) + " among them";
    finding.remedy = "add our ports to net.ipv4.ip_local_reserved_ports";
  }
  findings.push_back(std::move(finding));
}

void check_ports(const HostFacts& facts, Findings& findings) {
  if (!facts.port_owners) return;
  for (const PortOwner& owner : *facts.port_owners) {
    const std::string who = owner.program.empty() ? "another program" : owner.program;
    findings.push_back(
        {"port", owner.transport + " port " + std::to_string(owner.port) + " is in use by " + who,
         "end " + who + ", or give one of both another port"});
  }
  if (facts.port_owners->empty())
    findings.push_back({"port", "nobody has the ports of siplbd", ""});
}

}  // namespace

std::vector<Finding> diagnose(const HostFacts& facts, const std::vector<uint16_t>& ports) {
  Findings findings;
  check_setting({"receive-buffer", "net.core.rmem_max", facts.rmem_max, kReceiveBytes}, findings);
  check_setting({"option-memory", "net.core.optmem_max", facts.optmem_max, kOptionBytes}, findings);
  check_setting({"backlog", "net.core.somaxconn", facts.somaxconn, kBacklog}, findings);
  check_descriptors(facts, findings);
  check_conntrack(facts, findings);
  check_clock(facts, findings);
  check_quota(facts, findings);
  check_port_range(facts, ports, findings);
  check_ports(facts, findings);
  return findings;
}

bool is_well(const std::vector<Finding>& findings) {
  return std::all_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.remedy.empty(); });
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += (finding.remedy.empty() ? "ok    " : "WARN  ") + finding.text + '\n';
    if (!finding.remedy.empty()) out += "      remedy: " + finding.remedy + '\n';
  }
  return out;
}

}  // namespace siplb::ctl
