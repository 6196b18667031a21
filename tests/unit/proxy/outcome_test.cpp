#include "proxy/outcome.h"

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

TEST(OutcomeTest, SaysWhatBecameOfAMessageAndWhy) {
  struct Case {
    Verdict verdict;
    std::string_view decision;
    std::string_view reason;
  };
  const Case cases[] = {
      {Verdict::forward(), "forwarded", ""},
      {Verdict::reply(503, "Try later", "Retry-After: 5\r\n"), "answered", "503"},
      {Verdict::absorb(AbsorbReason::Repeat), "absorbed", "repeat"},
      {Verdict::drop(DropReason::NotSip), "dropped", "not_sip"},
  };
  for (const Case& each : cases) {
    const Outcome outcome = Outcome::of(each.verdict);
    EXPECT_EQ(outcome.decision(), each.decision);
    EXPECT_EQ(outcome.reason(), each.reason);
  }
}

TEST(OutcomeTest, HasRoomForEveryReason) {
  for (size_t i = 0; i < static_cast<size_t>(AbsorbReason::kCount); ++i) {
    EXPECT_FALSE(Outcome::of(Verdict::absorb(static_cast<AbsorbReason>(i))).reason().empty());
  }
  for (size_t i = 0; i < static_cast<size_t>(DropReason::kCount); ++i) {
    EXPECT_FALSE(Outcome::of(Verdict::drop(static_cast<DropReason>(i))).reason().empty());
  }
}

}  // namespace
}  // namespace siplb::proxy
