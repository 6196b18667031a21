#include "load/deliveries.h"

#include <bit>

#include "base/assert.h"
#include "base/hash.h"

namespace siplb::load {

namespace {

// What a key stands for, so that no two kinds share one.
enum class Kind : uint8_t { Transaction = 1, Request, Attempts, Ringing };

constexpr uint32_t kCounted = UINT32_MAX;  // a call that more than one server rang for

struct Salt {
  Kind kind;
  size_t server = 0;
  sip::Method method = sip::Method::Invite;
  uint32_t cseq = 0;

  [[nodiscard]] uint64_t number() const {
    return uint64_t{static_cast<uint8_t>(kind)} << 56 |
           uint64_t{static_cast<uint8_t>(server)} << 48 |
           uint64_t{static_cast<uint8_t>(method)} << 32 | cseq;
  }
};

}  // namespace

uint64_t Deliveries::call_of(const sip::Message& request) {
  return hash_octets(request.call_id, Salt{Kind::Ringing}.number());
}

// The Call-ID and CSeq stand in for a branch of RFC 2543, which need not be unique.
uint64_t Deliveries::transaction_of(const sip::Message& request) {
  const uint64_t call =
      hash_octets(request.call_id, Salt{.kind = Kind::Transaction, .cseq = request.cseq}.number());
  return hash_octets(request.via.branch, hash_octets(request.via.sent_by, call));
}

Deliveries::Deliveries(uint32_t entries_max)
    : entries_(entries_max), chains_(std::bit_ceil(entries_max), kNone) {
  SIPLB_ASSERT(entries_max > 0);
}

Delivery Deliveries::on_request(const sip::Message& request, size_t server) {
  const sip::Method method = request.method;
  const Salt transaction{.kind = Kind::Transaction, .server = server, .method = method};
  if (!note(transaction_of(request) ^ transaction.number())) return Delivery::Retransmission;

  switch (method) {
    case sip::Method::Ack:
    case sip::Method::Cancel: break;  // One for each attempt of their INVITE.
    case sip::Method::Invite: {
      std::string_view branch = request.via.branch;
      branch.remove_suffix(branch.empty() ? 0 : 1);
      const Salt attempts{.kind = Kind::Attempts, .cseq = request.cseq};
      const uint64_t call = hash_octets(request.call_id, attempts.number());
      if (note(hash_octets(branch, call))) ++totals_.distinct_invites;
      break;
    }
    default: {
      const Salt salt{.kind = Kind::Request, .method = method, .cseq = request.cseq};
      if (note(hash_octets(request.call_id, salt.number()))) break;
      ++totals_.delivered_twice[static_cast<size_t>(method)];
    }
  }
  return Delivery::First;
}

void Deliveries::on_ringing(uint64_t call, size_t server) {
  const auto value = static_cast<uint32_t>(server);
  Entry* entry = find(call);
  if (entry == nullptr) {
    add(call, value);
  } else if (entry->value != value && entry->value != kCounted) {
    entry->value = kCounted;
    ++totals_.calls_seen_twice;
  }
}

// The ring -------------------------------------------------------------------------------------

uint32_t& Deliveries::chain_of(uint64_t key) {
  return chains_[key & (chains_.size() - 1)];
}

Deliveries::Entry* Deliveries::find(uint64_t key) {
  for (uint32_t at = chain_of(key); at != kNone; at = entries_[at].next) {
    if (entries_[at].key == key) return &entries_[at];
  }
  return nullptr;
}

void Deliveries::add(uint64_t key, uint32_t value) {
  Entry& entry = entries_[next_];
  if (size_ == entries_.size()) {
    uint32_t* link = &chain_of(entry.key);
    while (*link != next_) link = &entries_[*link].next;
    *link = entry.next;
  } else {
    ++size_;
  }
  uint32_t& head = chain_of(key);
  entry = {.key = key, .next = head, .value = value};
  head = next_;
  next_ = static_cast<uint32_t>((next_ + 1) % entries_.size());
}

bool Deliveries::note(uint64_t key) {
  if (find(key) != nullptr) return false;
  add(key, 0);
  return true;
}

}  // namespace siplb::load
