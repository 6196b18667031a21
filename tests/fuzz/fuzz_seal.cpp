// Arbitrary octets as a token and as the parameters of a Via: nothing is read beyond them, nothing
// is accepted that we did not seal, and what was refused leaves no trace.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sip/seal.h"

namespace {

using namespace siplb::sip;

constexpr uint16_t kToday = 20000;

void check_token(const Seal& seal, std::string_view octets) {
  Token token;
  // 64 bits of MAC: a fuzzer that gets past them has found a hole in the code before them.
  if (seal.open_token(octets, "call", kToday, token) == SealFault::None) std::abort();
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Seal seal(siplb::HashKey{}, 1, 60);
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  check_token(seal, octets);
  check_via(seal, octets);
  (void)read_branch(octets);
  return 0;
}
