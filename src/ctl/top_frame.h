// What `top` shows: how two looks at siplbd differ, as a frame of a terminal or as JSON.
//
// Thread: any. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace siplb::ctl {

// What siplbd answered at one moment (docs/admin-api.md).
struct Look {
  std::string status;
  std::string servers;
  std::string traffic;
};
struct Looks {
  Look before;
  Look now;
};

// Lines of at most 80 columns where names are not too long, at most `rows` of them. Rates are those
// between both looks; after a restart in between they are 0.
[[nodiscard]] std::string top_frame(const Looks& looks, size_t rows);
[[nodiscard]] std::string top_json(const Looks& looks);

}  // namespace siplb::ctl
