// The key of the seals in these tests.
#pragma once

#include "base/hash.h"

namespace siplb::sip {

inline constexpr HashKey kKey{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

}  // namespace siplb::sip
