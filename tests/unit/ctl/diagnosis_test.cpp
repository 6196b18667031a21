#include "ctl/diagnosis.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

const std::vector<uint16_t> kPorts = {5060};

// A host that has nothing to be mended.
HostFacts good() {
  HostFacts facts;
  facts.rmem_max = 8 * 1024 * 1024;
  facts.optmem_max = 20 * 1024;
  facts.somaxconn = 4096;
  facts.local_port_first = 32768;
  facts.local_port_last = 60999;
  facts.has_conntrack = true;
  facts.conntrack_count = 80;
  facts.conntrack_max = 100;
  facts.clock_source = "tsc";
  facts.clock = Clock::Synchronised;
  facts.descriptors = 65536;
  facts.throttled = 0;
  facts.port_owners.emplace();
  return facts;
}

// The checks that find something.
std::vector<std::string> wrong_with(const HostFacts& facts,
                                    const std::vector<uint16_t>& ports = kPorts) {
  std::vector<std::string> out;
  for (const Finding& finding : diagnose(facts, ports)) {
    if (!finding.remedy.empty()) out.push_back(finding.check);
  }
  return out;
}

using Checks = std::vector<std::string>;

TEST(DiagnosisTest, FindsNothingWrongWithAGoodHost) {
  EXPECT_EQ(wrong_with(good()), Checks());
  EXPECT_TRUE(is_well(diagnose(good(), kPorts)));
  EXPECT_EQ(diagnose(good(), kPorts).size(), 11u);
}

TEST(DiagnosisTest, BlamesNobodyForWhatCanNotBeRead) {
  EXPECT_EQ(wrong_with(HostFacts()), Checks());
}

TEST(DiagnosisTest, FindsEachFault) {
  struct Case {
    const char* check;
    void (*spoil)(HostFacts&);
  };
  const Case cases[] = {
      {"receive-buffer", [](HostFacts& facts) { facts.rmem_max = 212992; }},
      {"option-memory", [](HostFacts& facts) { facts.optmem_max = 20 * 1024 - 1; }},
      {"backlog", [](HostFacts& facts) { facts.somaxconn = 128; }},
      {"descriptors", [](HostFacts& facts) { facts.descriptors = 1024; }},
      {"conntrack-sip", [](HostFacts& facts) { facts.has_conntrack_sip = true; }},
      {"conntrack", [](HostFacts& facts) { facts.conntrack_count = 81; }},
      {"clock-source", [](HostFacts& facts) { facts.clock_source = "hpet"; }},
      {"clock", [](HostFacts& facts) { facts.clock = Clock::Free; }},
      {"cpu-quota", [](HostFacts& facts) { facts.throttled = 1; }},
      {"port-range", [](HostFacts& facts) { facts.local_port_first = 1024; }},
      {"port",
       [](HostFacts& facts) {
         facts.port_owners->push_back({"udp", 5060, "asterisk"});
       }},
  };
  for (const Case& each : cases) {
    HostFacts facts = good();
    each.spoil(facts);
    EXPECT_EQ(wrong_with(facts), Checks{each.check});
    EXPECT_FALSE(is_well(diagnose(facts, kPorts)));
  }
}

TEST(DiagnosisTest, LetsReservedPortsLieAmongTheOthers) {
  HostFacts facts = good();
  facts.local_port_first = 1024;
  facts.reserved_ports = {5060};
  EXPECT_EQ(wrong_with(facts), Checks());
  EXPECT_EQ(wrong_with(facts, {5060, 5080}), Checks{"port-range"});
}

TEST(DiagnosisTest, TellsTheRemedyBelowTheFault) {
  EXPECT_EQ(findings_text({{"a", "all is well", ""}, {"b", "x is 1", "sysctl -w x=2"}}),
            "ok    all is well\n"
            "WARN  x is 1\n"
            "      remedy: sysctl -w x=2\n");
}

}  // namespace
}  // namespace siplb::ctl
