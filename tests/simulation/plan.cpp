#include "simulation/plan.h"

#include "simulation/dice.h"
#include "sip/text.h"

namespace siplb::test {

using namespace std::chrono_literals;

Plan plan_of(uint64_t seed, uint32_t number) {
  Dice dice(Dice(seed).next() + number);
  Plan plan;
  const double what = dice.unit();
  if (what < 0.04) {
    plan.method = sip::Method::Register;
  } else if (what < 0.08) {
    plan.method = sip::Method::Options;
  } else if (what < 0.14) {
    plan.method = sip::Method::Message;
  } else if (what < 0.22) {
    plan.final_code = 486;
  } else if (what < 0.26) {
    plan.final_code = 603;
  } else if (what < 0.36) {
    plan.is_challenged = true;
  } else if (what < 0.48) {
    plan.cancel_after = dice.between(0ms, 5s);
  }
  plan.is_trying_sent = dice.chance(0.5);
  plan.is_ringing_sent = dice.chance(0.9);
  plan.ringing = plan.is_ringing_sent ? dice.between(50ms, 6s) : Duration{};
  plan.talk = dice.between(0ms, 8s);
  plan.is_ended_by_callee = dice.chance(0.25);
  plan.is_abandoned = dice.chance(0.01);
  plan.is_forked = dice.chance(0.03);
  return plan;
}

std::optional<uint32_t> number_of(std::string_view call_id) {
  const auto number = sip::read_number(call_id.substr(0, call_id.find('@')), UINT32_MAX);
  if (!number) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

}  // namespace siplb::test
