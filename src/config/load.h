// YAML to Configuration: strict, and with every mistake named at its place, all at once.
//
// Thread: any; control and main use it. No exception leaves these functions.
// Bounds: kFileBytesMax octets, kNodesMax nodes, kDepthMax levels, kFaultsMax faults.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"

namespace siplb::config {

inline constexpr size_t kFileBytesMax = kMiB;
inline constexpr size_t kNodesMax = 100'000;
inline constexpr size_t kDepthMax = 16;
inline constexpr size_t kFaultsMax = 100;  // the rest of a file that bad says nothing new

// Something wrong with a file. Lines and columns count from 1; line 0 means the file as a whole.
struct Fault {
  std::string file;
  size_t line = 0;
  size_t column = 0;
  std::string message;
};

// "siplb.yaml:3:5: unknown key 'adress' (did you mean 'address'?)"
[[nodiscard]] std::string to_text(const Fault& fault);

struct LoadResult {
  Configuration configuration;  // meaningful only where good()
  std::vector<Fault> faults;    // sorted by place
  std::vector<Fault> warnings;  // sorted by place; they stop nothing
  [[nodiscard]] bool good() const { return faults.empty(); }
};

// Relative paths in the file start at its folder.
[[nodiscard]] LoadResult load_file(const std::filesystem::path& file);
[[nodiscard]] LoadResult load_text(std::string_view text, std::string_view file_name,
                                   const std::filesystem::path& base_dir);

}  // namespace siplb::config
