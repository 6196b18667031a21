#include "config/derive.h"

namespace siplb::config {

std::string key_file(const GlobalOptions& global, std::string_view state_directory) {
  if (!global.key_file.empty()) return global.key_file;
  const std::string_view folder = state_directory.substr(0, state_directory.find(':'));
  return std::string(folder.empty() ? "/var/lib/siplb" : folder) + "/key";
}

}  // namespace siplb::config
