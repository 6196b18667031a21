#include "app/state_file.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/whole_file.h"

namespace siplb::app {
namespace {

constexpr std::string_view kFirstLine = "siplb-state 1";
constexpr std::string_view kLastLine = "end";
constexpr std::string_view kConfiguredWeight = "-";

// Takes the text up to `end`, and `end` itself. False where it is not there.
bool take_until(std::string_view& text, char end, std::string_view& out) {
  const size_t at = text.find(end);
  if (at == std::string_view::npos) return false;
  out = text.substr(0, at);
  text.remove_prefix(at + 1);
  return true;
}

bool read_weight(std::string_view word, std::optional<uint32_t>& out) {
  if (word == kConfiguredWeight) return true;
  uint32_t weight = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), weight);
  if (fault != std::errc{} || end != word.data() + word.size()) return false;
  out = weight;
  return weight <= balance::kWeightMax;
}

// "pbx/s1 drain -"
bool read_line(std::string_view line, OperatorSettings& out) {
  std::string_view key;
  std::string_view state_word;
  if (!take_until(line, ' ', key) || !take_until(line, ' ', state_word)) return false;
  const auto state = operator_state(state_word);
  OperatorSetting setting;
  if (!state || !read_weight(line, setting.weight)) return false;
  setting.state = *state;
  return out.emplace(key, setting).second;
}

// Nothing where any of it can't be understood: half of what was set is worse than none.
std::optional<OperatorSettings> read_settings(std::string_view text) {
  OperatorSettings settings;
  std::string_view line;
  if (!take_until(text, '\n', line) || line != kFirstLine) return std::nullopt;
  while (take_until(text, '\n', line) && line != kLastLine) {
    if (!read_line(line, settings)) return std::nullopt;
  }
  if (line != kLastLine || !text.empty()) return std::nullopt;
  return settings;
}

std::string text_of(const OperatorSettings& settings) {
  std::string text = std::string(kFirstLine) + '\n';
  for (const auto& [key, setting] : settings) {
    text += key + ' ' + std::string(balance::name(setting.state)) + ' ';
    text += setting.weight ? std::to_string(*setting.weight) : std::string(kConfiguredWeight);
    text += '\n';
  }
  return text + std::string(kLastLine) + '\n';
}

}  // namespace

StateFile::Content StateFile::load() const {
  std::error_code none;
  if (!std::filesystem::exists(path_, none)) return {};
  errno = 0;
  std::ifstream file(path_, std::ios::binary);
  std::string text(kStateOctetsMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) return {{}, std::strerror(errno)};
  text.resize(static_cast<size_t>(file.gcount()));

  auto settings = read_settings(text);
  if (settings) return {std::move(*settings), {}};
  const std::string aside = path_ + ".bad";
  std::error_code failed;
  std::filesystem::rename(path_, aside, failed);
  return {{},
          failed ? std::string("not a state file of this version")
                 : "not a state file of this version, now " + aside};
}

Result<void> StateFile::save(const OperatorSettings& settings) const {
  if (write_whole_file(path_, text_of(settings), IfThere::Replace)) return {};
  return system_error(ErrorCode::StateFileWrite);
}

std::string state_file_path(std::string_view state_directory, const std::string& key_file) {
  const std::string_view folder = state_directory.substr(0, state_directory.find(':'));
  if (!folder.empty()) return std::string(folder) + "/state";
  return std::filesystem::path(key_file).replace_filename("state");
}

}  // namespace siplb::app
