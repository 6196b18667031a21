#include "app/dns_answer.h"

#include <algorithm>
#include <array>

#include <arpa/nameser.h>

#include "sip/text.h"

namespace siplb::app {
namespace {

ns_type native(RecordType type) {
  switch (type) {
    case RecordType::A: return ns_t_a;
    case RecordType::Aaaa: return ns_t_aaaa;
    case RecordType::Srv: break;
  }
  return ns_t_srv;
}

void add_address(Answer& answer, const SockAddress& address) {
  if (address.is_loopback() || address.is_of_one_host()) answer.addresses.push_back(address);
}

void add_v4(Answer& answer, std::span<const uint8_t> data) {
  if (data.size() != NS_INADDRSZ) return;
  add_address(answer, SockAddress::v4(static_cast<uint32_t>(ns_get32(data.data())), 0));
}

void add_v6(Answer& answer, std::span<const uint8_t> data) {
  std::array<uint8_t, NS_IN6ADDRSZ> ip;
  if (data.size() != ip.size()) return;
  std::copy(data.begin(), data.end(), ip.begin());
  add_address(answer, SockAddress::v6(ip, 0));
}

void add_srv(Answer& answer, const ns_msg& message, std::span<const uint8_t> data) {
  constexpr size_t kNumbers = 3 * NS_INT16SZ;
  std::array<char, NS_MAXDNAME> target;
  if (data.size() <= kNumbers ||
      ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data.data() + kNumbers,
                         target.data(), target.size()) < 0) {
    return;
  }
  SrvRecord record{.priority = static_cast<uint16_t>(ns_get16(data.data())),
                   .weight = static_cast<uint16_t>(ns_get16(data.data() + NS_INT16SZ)),
                   .port = static_cast<uint16_t>(ns_get16(data.data() + 2 * NS_INT16SZ)),
                   .target = target.data()};
  // RFC 2782: decidedly no such service.
  if (record.target.empty() || record.target == "." || record.port == 0) return;
  std::transform(record.target.begin(), record.target.end(), record.target.begin(), sip::to_lower);
  // Names in a message are complete: no search domain belongs behind them.
  record.target += '.';
  answer.targets.push_back(std::move(record));
}

}  // namespace

std::string_view name(LookupResult result) {
  switch (result) {
    case LookupResult::Answered: return "answered";
    case LookupResult::NoSuchName: return "no-such-name";
    case LookupResult::NoData: return "no-data";
    case LookupResult::TimedOut: return "timed-out";
    case LookupResult::Failed: return "failed";
    case LookupResult::kCount: break;
  }
  return "";
}

Answer read_answer(std::span<const uint8_t> octets, RecordType type) {
  ns_msg message;
  if (ns_initparse(octets.data(), static_cast<int>(octets.size()), &message) != 0) return {};
  Answer answer{.result = LookupResult::Answered, .ttl = std::chrono::seconds::max()};
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) return {};
    // Aliases on the way run out as well.
    answer.ttl = std::min(answer.ttl, std::chrono::seconds(ns_rr_ttl(record)));
    if (ns_rr_type(record) != native(type) || ns_rr_class(record) != ns_c_in) continue;
    if (std::max(answer.addresses.size(), answer.targets.size()) == kRecordsMax) break;
    const std::span<const uint8_t> data(ns_rr_rdata(record), ns_rr_rdlen(record));
    switch (type) {
      case RecordType::A: add_v4(answer, data); break;
      case RecordType::Aaaa: add_v6(answer, data); break;
      case RecordType::Srv: add_srv(answer, message, data); break;
    }
  }
  if (answer.addresses.empty() && answer.targets.empty()) answer.result = LookupResult::NoData;
  return answer;
}

}  // namespace siplb::app
