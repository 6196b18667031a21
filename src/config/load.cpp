#include "config/load.h"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/hash.h"
#include "config/checks.h"
#include "config/keys.h"

namespace siplb::config {
namespace {

LoadResult unread(const std::filesystem::path& file, std::string message) {
  LoadResult result;
  result.faults.push_back({file.string(), {}, std::move(message)});
  return result;
}

std::string hash_text(std::string_view text) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016" PRIx64, hash_octets(text));
  return digits.data();
}

}  // namespace

LoadResult load_file(const std::filesystem::path& file) {
  std::error_code status;
  return load_file(file, std::filesystem::absolute(file, status).parent_path());
}

LoadResult load_file(const std::filesystem::path& file, const std::filesystem::path& base_dir) {
  std::error_code status;
  if (std::filesystem::is_directory(file, status)) return unread(file, "this is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return unread(file, std::strerror(errno));

  std::string text(kFileBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return unread(file, "cannot be read");
  text.resize(static_cast<size_t>(stream.gcount()));
  return load_text(text, file.string(), base_dir);
}

LoadResult load_text(std::string_view text, std::string_view file_name,
                     const std::filesystem::path& base_dir) {
  FaultList faults(file_name);
  FaultList warnings(file_name);
  LoadResult result;
  result.text = text;
  result.hash = hash_text(text);
  if (text.size() > kFileBytesMax) {
    faults.add({}, "more than " + std::to_string(kFileBytesMax) + " octets");
  } else {
    const YamlNode root = parse_yaml(text, faults);
    const ReadContext context{faults, base_dir, result.configuration};
    if (read_section(root, configuration_keys(), result.configuration, context)) {
      complete(root, result.configuration);
      check(root, result.configuration, faults);
      warn(root, result.configuration, warnings);
    } else if (root.kind == YamlNode::Kind::Null) {
      faults.add({}, "the file is empty");
    } else if (root.kind != YamlNode::Kind::Broken) {
      faults.add(root.place, "a map was expected here");
    }
  }
  result.faults = faults.take_sorted();
  result.warnings = warnings.take_sorted();
  return result;
}

}  // namespace siplb::config
