// The configuration that ran last, kept so that a broken file can't end a service that runs.
//
// The text stands in `last-good.yaml` in systemd's $STATE_DIRECTORY; outside systemd nothing is
// kept. Relative paths in it start where they did, at the folder of the file that it is a copy of:
// who starts siplbd with --config FILE now has done so then. Thread: one at a time. Bounds:
// config::kFileBytesMax.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/load.h"

namespace siplb::app {

class LastGood {
 public:
  // `state_directory`: of what systemd lists, the first folder counts; empty where it is unset.
  LastGood(std::string_view state_directory, const std::filesystem::path& config_file);

  [[nodiscard]] static LastGood from_environment(const std::filesystem::path& config_file);

  // Replaces what was kept. False where that failed, and errno says why.
  [[nodiscard]] bool keep(std::string_view text) const;
  // With a fault where nothing was kept.
  [[nodiscard]] config::LoadResult load() const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;  // empty: nothing is kept
  std::filesystem::path base_dir_;
};

}  // namespace siplb::app
