// A Via from its text, which is well formed.
#pragma once

#include <string_view>

#include <gtest/gtest.h>

#include "sip/via.h"

namespace siplb::sip {

// Views into `text`.
inline Via parsed_via(std::string_view text) {
  Via via;
  EXPECT_TRUE(parse_via(text, via)) << text;
  return via;
}

}  // namespace siplb::sip
