// Runs another program to its end and keeps what it prints.
//
// Thread: one. Bounds: kPrintedMax octets of each stream; what is more is read and forgotten.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace siplb::ctl {

inline constexpr size_t kPrintedMax = size_t{1} << 20;

struct Printed {
  int code = 0;  // its exit code; of one that a signal ended 128 and the signal's number
  std::string out;
  std::string errors;
};

// The first argument is its name, which is looked for in PATH where it has no slash. Nothing where
// there is no such program.
[[nodiscard]] std::optional<Printed> run_program(const std::vector<std::string>& arguments);

}  // namespace siplb::ctl
