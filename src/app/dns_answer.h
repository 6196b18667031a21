// The records of a DNS answer that a question asked for (RFC 1035, 4.1; RFC 2782).
//
// The C library takes the message apart; c-ares' own structures have no TTL for SRV.
// Pure. Thread: any. Bounds: kRecordsMax records are kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace siplb::app {

inline constexpr size_t kRecordsMax = 256;

enum class RecordType : uint8_t { A, Aaaa, Srv };

enum class LookupResult : uint8_t {
  Answered,
  NoSuchName,
  NoData,  // the name is there, but has no such record
  TimedOut,
  Failed,  // refused, malformed, or the name server is in trouble
  kCount,
};
[[nodiscard]] std::string_view name(LookupResult result);

struct SrvRecord {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;
  bool operator==(const SrvRecord&) const = default;
};

struct Answer {
  LookupResult result = LookupResult::Failed;
  // With Answered: the least of all records, and what the question asks for, at least one.
  std::chrono::seconds ttl{0};
  std::vector<SockAddress> addresses;  // with port 0
  std::vector<SrvRecord> targets;
};

// LookupResult::Failed where the message is malformed, NoData where no record is left that is of
// any use: no server has a multicast or link-local address, and a target of "." is none.
[[nodiscard]] Answer read_answer(std::span<const uint8_t> message, RecordType type);

}  // namespace siplb::app
