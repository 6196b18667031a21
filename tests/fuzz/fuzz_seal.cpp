// Fuzz target: arbitrary octets as a token and as the parameters of a Via, and tokens that we
// sealed ourselves.
//
// Nothing is read beyond the octets, nothing is accepted that we did not seal, and what was refused
// leaves no trace. What we sealed says what it said, and nothing once an octet of it is another.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "sip/seal.h"

namespace {

using namespace siplb;
using namespace siplb::sip;

constexpr uint16_t kToday = 20000;
constexpr std::string_view kCall = "call";

void check_token(const Seal& seal, std::string_view octets) {
  Token token;
  // 64 bits of MAC: a fuzzer that gets past them has found a hole in the code before them.
  if (seal.open_token(octets, kCall, kToday, token) == SealFault::None) std::abort();
  if (token != Token{}) std::abort();
}

void check_via(const Seal& seal, std::string_view octets) {
  Via via;
  via.transport = "UDP";
  via.host = "lb.example.com";
  via.branch = octets;
  via.slb = octets;
  ViaSeal fields;
  if (seal.open_via(via, canonical(via), fields) == SealFault::None) std::abort();

  if (!parse_via(octets, via)) return;
  if (seal.open_via(via, canonical(via), fields) == SealFault::None) std::abort();
}

// Takes values off the input; zero where it has no more.
class Draw {
 public:
  explicit Draw(std::string_view octets) : rest_(octets) {}
  uint32_t number(unsigned octets) {
    uint32_t value = 0;
    for (; octets != 0 && !rest_.empty(); --octets) {
      value = value << 8 | static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
    }
    return value;
  }
  SockAddress address() {
    return SockAddress::v4(number(4), static_cast<uint16_t>(1 + number(2) % UINT16_MAX));
  }

 private:
  std::string_view rest_;
};

void check_sealed(const Seal& seal, std::string_view octets) {
  Draw draw(octets);
  Token token;
  token.kind = draw.number(1) % 2 == 0 ? TokenKind::Dialog : TokenKind::Path;
  token.initiator.listener = static_cast<uint16_t>(draw.number(2));
  token.initiator.address = draw.address();
  if (draw.number(1) % 2 == 0) token.initiator.local = draw.address().with_port(0);
  if (draw.number(1) % 2 == 0) {
    token.initiator.transport = Transport::Tcp;
    token.initiator.instance = draw.number(4);
    token.initiator.connection = uint64_t{draw.number(4)} << 32 | draw.number(4);
  }
  token.responder.is_server = true;
  token.responder.server_id = draw.number(4);
  token.responder.address = draw.address();
  token.from_tag_hash = draw.number(3);
  token.issue_day = kToday;
  std::string text(seal.seal_token(token, kCall).view());
  Token opened;
  SIPLB_ASSERT(seal.open_token(text, kCall, kToday, opened) == SealFault::None);
  SIPLB_ASSERT(opened == token);
  const bool is_bound = token.kind == TokenKind::Dialog;
  const SealFault elsewhere = seal.open_token(text, "another", kToday, opened);
  SIPLB_ASSERT(elsewhere == (is_bound ? SealFault::BadMac : SealFault::None));

  const size_t at = draw.number(1) % text.size();
  const char other = static_cast<char>(draw.number(1));
  if (text[at] == other) return;
  text[at] = other;
  check_token(seal, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Seal seal(HashKey{}, 1, 60);
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  check_token(seal, octets);
  check_via(seal, octets);
  check_sealed(seal, octets);
  (void)read_branch(octets);
  return 0;
}
