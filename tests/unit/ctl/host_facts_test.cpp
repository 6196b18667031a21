#include "ctl/host_facts.h"

#include "host_files.h"

namespace siplb::ctl {
namespace {

constexpr const char* kTitles = "  sl  local_address rem_address   st tx_queue rx_queue ...\n";

// Of port 5060 (13C4) in that state.
std::string socket_line(const char* state, int inode) {
  return std::string("   7: 00000000:13C4 00000000:0000 ") + state +
         " 00000000:00000000 00:00000000 00000000     0        0 " + std::to_string(inode) +
         " 2 0000000000000000 0\n";
}

class HostFactsTest : public testing::Test {
 protected:
  [[nodiscard]] HostFacts read(std::optional<pid_t> daemon = {}) const {
    return read_host_facts({.root = files_.root(), .daemon = daemon, .ports = {5060}});
  }
  test::HostFiles files_;
};

TEST_F(HostFactsTest, KnowsNothingOfAnEmptyHost) {
  const HostFacts facts = read(4711);
  EXPECT_FALSE(facts.rmem_max || facts.optmem_max || facts.somaxconn || facts.local_port_first);
  EXPECT_FALSE(facts.has_conntrack || facts.has_conntrack_sip || facts.conntrack_max);
  EXPECT_FALSE(facts.descriptors || facts.throttled);
  EXPECT_EQ(facts.clock_source, "");
  EXPECT_FALSE(facts.port_owners);
  EXPECT_TRUE(facts.reserved_ports.empty());
}

TEST_F(HostFactsTest, ReadsSettings) {
  files_.write("proc/sys/net/core/rmem_max", "212992\n");
  files_.write("proc/sys/net/core/optmem_max", "20480\n");
  files_.write("proc/sys/net/core/somaxconn", "4096\n");
  files_.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  files_.write("proc/sys/net/netfilter/nf_conntrack_count", "5\n");
  files_.write("proc/sys/net/netfilter/nf_conntrack_max", "100\n");
  files_.write("sys/module/nf_conntrack/refcnt", "1\n");
  files_.write("sys/module/nf_conntrack_sip/refcnt", "1\n");
  files_.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
  const HostFacts facts = read();
  EXPECT_EQ(facts.rmem_max, 212992u);
  EXPECT_EQ(facts.optmem_max, 20480u);
  EXPECT_EQ(facts.somaxconn, 4096u);
  EXPECT_EQ(facts.local_port_first, 32768u);
  EXPECT_EQ(facts.local_port_last, 60999u);
  EXPECT_EQ(facts.conntrack_count, 5u);
  EXPECT_EQ(facts.conntrack_max, 100u);
  EXPECT_TRUE(facts.has_conntrack);
  EXPECT_TRUE(facts.has_conntrack_sip);
  EXPECT_EQ(facts.clock_source, "tsc");
}

TEST_F(HostFactsTest, KnowsReservedPorts) {
  for (const char* reserved : {"5060\n", "80,5060\n", "5000-5100,9000\n"}) {
    files_.write("proc/sys/net/ipv4/ip_local_reserved_ports", reserved);
    EXPECT_EQ(read().reserved_ports, std::vector<uint16_t>{5060}) << reserved;
  }
  for (const char* reserved : {"\n", "5061\n", "5061-5070\n", "50,60\n"}) {
    files_.write("proc/sys/net/ipv4/ip_local_reserved_ports", reserved);
    EXPECT_TRUE(read().reserved_ports.empty()) << reserved;
  }
}

TEST_F(HostFactsTest, ReadsWhatTheDaemonMayDo) {
  files_.write("proc/4711/limits",
               "Limit                     Soft Limit           Hard Limit           Units\n"
               "Max processes             127000               127000               processes\n"
               "Max open files            1024                 524288               files\n");
  files_.write("proc/4711/cgroup", "0::/system.slice/siplb.service\n");
  files_.write("sys/fs/cgroup/system.slice/siplb.service/cpu.stat",
               "usage_usec 100\nnr_periods 9\nnr_throttled 3\n");
  EXPECT_EQ(read(4711).descriptors, 1024u);
  EXPECT_EQ(read(4711).throttled, 3u);
  EXPECT_FALSE(read().descriptors);
}

TEST_F(HostFactsTest, NamesWhoElseHasAPort) {
  files_.write("proc/net/udp", kTitles + socket_line("07", 100));
  files_.write("proc/net/tcp", kTitles + socket_line("0A", 200) + socket_line("01", 300));
  files_.add_process(10, "asterisk", 100);
  files_.add_process(11, "siplbd", 200);
  files_.add_process(12, "curl", 300);
  const auto owners = *read().port_owners;
  ASSERT_EQ(owners.size(), 1u);
  EXPECT_EQ(owners[0].transport, "udp");
  EXPECT_EQ(owners[0].port, 5060);
  EXPECT_EQ(owners[0].program, "asterisk");
  EXPECT_FALSE(read(4711).port_owners);  // siplbd runs, so all is well
}

TEST_F(HostFactsTest, KnowsThatSomebodyHasAPortWhomItMayNotSee) {
  files_.write("proc/net/udp6", kTitles + socket_line("07", 100));
  const auto owners = *read().port_owners;
  ASSERT_EQ(owners.size(), 1u);
  EXPECT_EQ(owners[0].program, "");
}

}  // namespace
}  // namespace siplb::ctl
