// YAML to Configuration: strict, and with every mistake named at its place, all at once.
//
// Thread: any; control and main use it. No exception leaves these functions.
// Bounds: kFileBytesMax octets, and those of yaml_tree.h and fault.h.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"
#include "config/fault.h"

namespace siplb::config {

inline constexpr size_t kFileBytesMax = kMiB;

struct LoadResult {
  Configuration configuration;  // meaningful only where good()
  std::vector<Fault> faults;    // sorted by place
  std::vector<Fault> warnings;  // sorted by place; they stop nothing
  std::string text;             // of the file, as it was read
  std::string hash;             // of the text, 16 hexadecimal digits: tells versions of it apart
  [[nodiscard]] bool good() const { return faults.empty(); }
};

// Relative paths in the file start at its folder.
[[nodiscard]] LoadResult load_file(const std::filesystem::path& file);
// At another folder: of a copy.
[[nodiscard]] LoadResult load_file(const std::filesystem::path& file,
                                   const std::filesystem::path& base_dir);
// `file_name` is what faults call it.
[[nodiscard]] LoadResult load_text(std::string_view text, std::string_view file_name,
                                   const std::filesystem::path& base_dir);

}  // namespace siplb::config
