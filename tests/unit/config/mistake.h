// Tables of mistakes: a piece of a file, and what siplb says about it, with the place.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "config/load.h"

namespace siplb::config {

struct Mistake {
  std::string_view description;
  std::string text;
  std::string_view faults;  // "line:column: message", one per line
};

inline std::string without_file(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    if (!text.empty()) text += '\n';
    text += to_text(fault).substr(fault.file.size() + 1);
  }
  return text;
}

inline std::string faults_of(std::string_view text) {
  return without_file(load_text(text, "f", "/etc/siplb").faults);
}

inline void expect_faults(const Mistake& mistake) {
  EXPECT_EQ(faults_of(mistake.text), mistake.faults) << mistake.description;
}

// Parts of a good file, each on a line of its own, without a line's end.
inline constexpr std::string_view kListeners =
    R"(listeners: [{name: in, address: "10.0.0.5:5060", role: both}])";
inline constexpr std::string_view kGroups =
    R"(groups: [{name: pbx, servers: [{name: a, uri: "sip:10.0.0.1"}]}])";

// `line` as the first line of a file that is good but for it.
inline std::string with_groups(std::string_view line) {
  return std::string(line).append("\n").append(kGroups);
}
inline std::string with_listeners(std::string_view line) {
  return std::string(line).append("\n").append(kListeners);
}
inline std::string with_both(std::string_view line) {
  return with_groups(with_listeners(line));
}

}  // namespace siplb::config
