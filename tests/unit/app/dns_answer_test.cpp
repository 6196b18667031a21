#include "app/dns_answer.h"

#include <gtest/gtest.h>

#include "support/dns_message.h"

namespace siplb::app {
namespace {

using std::chrono::seconds;
using test::DnsMessage;

SockAddress ip(std::string_view text) {
  return *SockAddress::parse_ip(text, 0);
}

TEST(DnsAnswerTest, TakesAddressesWithTheLeastTtl) {
  const DnsMessage message =
      DnsMessage("pbx", ns_t_a).address(60, "10.0.0.1").address(30, "10.0.0.2");
  const Answer answer = read_answer(message.octets(), RecordType::A);
  EXPECT_EQ(answer.result, LookupResult::Answered);
  EXPECT_EQ(answer.ttl, seconds(30));
  EXPECT_EQ(answer.addresses, (std::vector{ip("10.0.0.1"), ip("10.0.0.2")}));
}

TEST(DnsAnswerTest, TakesIpv6Addresses) {
  const DnsMessage message = DnsMessage("pbx", ns_t_aaaa).address(60, "2001:db8::1");
  EXPECT_EQ(read_answer(message.octets(), RecordType::Aaaa).addresses,
            (std::vector{ip("2001:db8::1")}));
}

TEST(DnsAnswerTest, RunsOutWithTheAliasOnTheWay) {
  const DnsMessage message = DnsMessage("pbx", ns_t_a).alias(5, "b").address(60, "10.0.0.1");
  const Answer answer = read_answer(message.octets(), RecordType::A);
  EXPECT_EQ(answer.ttl, seconds(5));
  EXPECT_EQ(answer.addresses, (std::vector{ip("10.0.0.1")}));
}

TEST(DnsAnswerTest, TakesSrvRecordsInLowerCaseAsCompleteNames) {
  const DnsMessage message =
      DnsMessage("pbx", ns_t_srv)
          .service(60, {.priority = 1, .weight = 300, .port = 5080, .target = "A.Example"});
  const Answer answer = read_answer(message.octets(), RecordType::Srv);
  EXPECT_EQ(answer.targets,
            (std::vector<SrvRecord>{
                {.priority = 1, .weight = 300, .port = 5080, .target = "a.example."}}));
  EXPECT_EQ(answer.ttl, seconds(60));
}

TEST(DnsAnswerTest, LeavesOutWhatCanBeNoServer) {
  const struct {
    const char* description;
    RecordType type;
    DnsMessage message;
  } cases[] = {
      {"nothing at all", RecordType::A, {"pbx", ns_t_a}},
      {"another type", RecordType::Aaaa, DnsMessage("pbx", ns_t_aaaa).address(60, "10.0.0.1")},
      {"multicast", RecordType::A, DnsMessage("pbx", ns_t_a).address(60, "224.0.0.1")},
      {"wildcard", RecordType::A, DnsMessage("pbx", ns_t_a).address(60, "0.0.0.0")},
      {"link-local", RecordType::Aaaa, DnsMessage("pbx", ns_t_aaaa).address(60, "fe80::1")},
      {"short address", RecordType::A, DnsMessage("pbx", ns_t_a).record(ns_t_a, 60, {10, 0, 0})},
      {"long address", RecordType::Aaaa,
       DnsMessage("pbx", ns_t_aaaa).record(ns_t_aaaa, 60, std::vector<uint8_t>(17, 1))},
      {"decidedly no service", RecordType::Srv,
       DnsMessage("pbx", ns_t_srv).service(60, {.target = ""})},
      {"port 0", RecordType::Srv,
       DnsMessage("pbx", ns_t_srv).service(60, {.port = 0, .target = "a"})},
      {"no target", RecordType::Srv,
       DnsMessage("pbx", ns_t_srv).record(ns_t_srv, 60, {0, 1, 0, 1, 19, 196})},
      {"a target that is no name", RecordType::Srv,
       DnsMessage("pbx", ns_t_srv).record(ns_t_srv, 60, {0, 1, 0, 1, 19, 196, 0x80})},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(read_answer(each.message.octets(), each.type).result, LookupResult::NoData)
        << each.description;
  }
}

TEST(DnsAnswerTest, RefusesAMessageThatEndsEarly) {
  const DnsMessage message =
      DnsMessage("pbx", ns_t_srv).service(60, {.target = "a"}).service(60, {.target = "b"});
  for (size_t length = 0; length < message.octets().size(); ++length) {
    // Of exact size, so that reading beyond it is found.
    const std::vector<uint8_t> cut(message.octets().begin(),
                                   message.octets().begin() + static_cast<ptrdiff_t>(length));
    EXPECT_EQ(read_answer(cut, RecordType::Srv).result, LookupResult::Failed) << length;
  }
}

TEST(DnsAnswerTest, KeepsNoMoreRecordsThanItMay) {
  DnsMessage message("pbx", ns_t_a);
  for (size_t i = 0; i <= kRecordsMax; ++i) message.address(60, "10.0.0.1");
  EXPECT_EQ(read_answer(message.octets(), RecordType::A).addresses.size(), kRecordsMax);
}

}  // namespace
}  // namespace siplb::app
