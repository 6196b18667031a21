// What siplb derives from a request: branch, local To tag, loop hash. See seal.h.
//
// Every input is an invariant of what the value stands for, so that each message of a transaction,
// or each lap of a loop, gives the same value on any worker, node and process (RFC 3261, 16.11).

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "sip/rfc4648.h"
#include "sip/seal.h"
#include "sip/sent_by.h"
#include "sip/text.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kLocalTagPrefix = "slb";
constexpr size_t kHashOctets = 10;
constexpr size_t kHashLength = base32_length(kHashOctets);
static_assert(kBranchLength == kBranchPrefix.size() + kHashLength + 1);
static_assert(kLocalTagLength == kLocalTagPrefix.size() + kHashLength);

FixedString<kHashLength> base32_text(std::span<const uint8_t, kHashOctets> octets) {
  std::array<char, kHashLength> text;
  encode_base32(octets, text);
  FixedString<kHashLength> out;
  out.append({text.data(), text.size()});
  return out;
}

// 80 bits of the digest in base32.
FixedString<kHashLength> hash_text(const KeyedHash& hash) {
  const KeyedHash::Digest digest = hash.digest();
  return base32_text(std::span(digest).first<kHashOctets>());
}

}  // namespace

uint64_t BranchHash::key() const {
  uint64_t key;
  std::memcpy(&key, octets.data(), sizeof key);
  return key;
}

BranchHash Seal::branch_hash(const Message& request) const {
  const Via& via = request.via;
  KeyedHash hash(key_, HashPurpose::Branch);
  hash.add(via.branch);
  add_sent_by(hash, sent_by(via));
  hash.add(request.call_id).add(request.from_tag).add_number(request.cseq);
  // Without the cookie the branch alone tells no transaction from another (17.2.3). received and
  // rport stay out: they change when a NAT forgets.
  if (!via.has_cookie()) hash.add(request.request_uri).add_caseless(via.transport);
  const KeyedHash::Digest digest = hash.digest();
  BranchHash out;
  std::copy_n(digest.begin(), kHashOctets, out.octets.begin());
  return out;
}

Branch branch_text(const BranchHash& hash, uint8_t attempt) {
  const char attempt_digit = base32_digit(attempt);
  Branch out;
  out.append(kBranchPrefix);
  out.append(base32_text(hash.octets));
  out.append({&attempt_digit, 1});
  return out;
}

bool is_probe_branch(std::string_view branch) {
  return equal_caseless(branch.substr(0, kProbeBranchPrefix.size()), kProbeBranchPrefix);
}

std::optional<OwnBranch> read_branch(std::string_view branch) {
  if (branch.size() != kBranchLength) return std::nullopt;
  if (!equal_caseless(branch.substr(0, kBranchPrefix.size()), kBranchPrefix)) return std::nullopt;
  OwnBranch out;
  if (!decode_base32(branch.substr(kBranchPrefix.size(), kHashLength), out.hash.octets)) {
    return std::nullopt;
  }
  const auto attempt = base32_value(branch.back());
  if (!attempt) return std::nullopt;
  out.attempt = *attempt;
  return out;
}

LocalTag Seal::local_tag(const Message& request) const {
  KeyedHash hash(key_, HashPurpose::LocalTag);
  hash.add(request.via.branch);
  add_sent_by(hash, sent_by(request.via));
  hash.add(request.call_id).add_number(request.cseq);
  LocalTag out;
  out.append(kLocalTagPrefix);
  out.append(hash_text(hash));
  return out;
}

bool Seal::is_local_tag(const Message& request) const {
  return request.to_tag.size() == kLocalTagLength && request.to_tag.starts_with(kLocalTagPrefix) &&
         local_tag(request) == request.to_tag;
}

// These two are not secret: the MACs of token and `;slb=` cover them. So a fast hash will do.
uint32_t Seal::tag_hash(std::string_view tag) const {
  constexpr uint64_t k24Bits = 0xffffff;
  return static_cast<uint32_t>(hash_octets(tag) & k24Bits);
}

uint32_t Seal::loop_hash(const Message& request, std::string_view remaining_routes,
                         uint16_t listener, uint32_t sender_group) const {
  uint64_t hash = uint64_t{listener} << 32 | sender_group;
  for (const std::string_view field :
       {request.request_uri, remaining_routes, request.call_id, request.from_tag, request.to_tag}) {
    hash = hash_octets(field, hash);
  }
  hash ^= request.cseq;
  for (const Header& header : request.headers()) {
    const bool is_left = header.id == HeaderId::Route && !remaining_routes.empty() &&
                         header.value.data() > remaining_routes.data();
    if (is_left || header.id == HeaderId::ProxyRequire) hash = hash_octets(header.value, hash);
  }
  return static_cast<uint32_t>(hash);
}

}  // namespace siplb::sip
