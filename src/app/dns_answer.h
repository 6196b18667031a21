// The records of a DNS answer that a question asked for (RFC 1035, 4.1; RFC 2782).
//
// The C library takes the message apart; c-ares' own structures have no TTL for SRV.
// Pure. Thread: any. Bounds: kRecordsMax records are kept.
#pragma once

#include <cstdint>
#include <span>

#include "app/lookups.h"

namespace siplb::app {

// LookupResult::Failed where the message is malformed, NoData where no record is left that is of
// any use: no server has a multicast or link-local address, and a target of "." is none.
[[nodiscard]] Answer read_answer(std::span<const uint8_t> message, RecordType type);

}  // namespace siplb::app
