// Fuzz target: arbitrary octets as a datagram, from a client and from a server, to a lane that has
// a call.
//
// Whatever comes, every message is counted once, what leaves parses and goes to a server or to a
// client that was there before, what is forwarded says what came in, and in the end nothing is
// under way: Stage and Process hold all of that. An input may name what siplb wrote into the call's
// INVITE
// ($BRANCH, $SLB, $RR1, $RR2), so that it gets past the seals; tests/corpus/stacks has such
// messages. Hours pass between two inputs: each finds a lane that has forgotten the one before.
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "stage/stage.h"

namespace {

using namespace siplb::test;

// What is not forgotten (counters, budgets, time itself) begins anew after so many inputs.
constexpr size_t kInputsPerStage = 256;

constexpr Resources kFew{
    .calls = 16, .others = 16, .sends = 16, .contexts = 8, .finished = 8, .held = 4};

std::string the_invite() {
  std::ifstream in(SIPLB_SOURCE_DIR "/tests/corpus/stacks/pjsip_invite.sip", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Stage stage(kFew);
  static const std::string invite = the_invite();
  static size_t inputs = 0;
  if (++inputs % kInputsPerStage == 0) stage.reset();

  stage.introduce(invite);
  const std::string text = stage.fill({reinterpret_cast<const char*>(data), size});
  stage.receive(text, Origin::Client);
  stage.receive(text, Origin::Server);
  stage.receive(text, Origin::Client);  // a repeat
  // Long enough for a failover.
  stage.wait(std::chrono::milliseconds(1500));
  stage.receive(text, Origin::Server);
  stage.settle();
  return 0;
}
