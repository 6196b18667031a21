#include "app/last_good.h"

#include <cstdlib>
#include <system_error>

#include "app/whole_file.h"

namespace siplb::app {

LastGood::LastGood(std::string_view state_directory, const std::filesystem::path& config_file) {
  const std::string_view folder = state_directory.substr(0, state_directory.find(':'));
  if (!folder.empty()) path_ = std::string(folder) + "/last-good.yaml";
  std::error_code no_folder;
  base_dir_ = std::filesystem::absolute(config_file, no_folder).parent_path();
}

LastGood LastGood::from_environment(const std::filesystem::path& config_file) {
  const char* folders = std::getenv("STATE_DIRECTORY");
  return LastGood(folders == nullptr ? "" : folders, config_file);
}

bool LastGood::keep(std::string_view text) const {
  return path_.empty() || write_whole_file(path_, text, IfThere::Replace);
}

config::LoadResult LastGood::load() const {
  return config::load_file(path_, base_dir_);
}

}  // namespace siplb::app
