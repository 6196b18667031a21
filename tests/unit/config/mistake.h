// Tables of mistakes: a piece of a file, and what siplb says about it, with the place; and of
// bounds.
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

// A value within its bounds, which ends at `before` and goes on at `after` in the first line.
struct Bounded {
  std::string_view key;
  std::string_view takes;
  std::string before;
  std::string_view after;
  std::string_view too_low;  // empty: nothing is
  std::string_view lowest;
  std::string_view highest;
  std::string_view too_high;
};

inline void expect_bounds(const Bounded& bounded, std::string_view rest) {
  const auto faults_with = [&](std::string_view value) {
    return faults_of(bounded.before + std::string(value).append(bounded.after).append("\n") +
                     std::string(rest));
  };
  const auto refusal = [&](const std::string& value) {
    return "1:" + std::to_string(bounded.before.size() + 1) + ": '" + std::string(bounded.key) +
           "' takes " + std::string(bounded.takes) + ", not " + value;
  };
  EXPECT_EQ(faults_with(bounded.lowest), "") << bounded.key;
  EXPECT_EQ(faults_with(bounded.highest), "") << bounded.key;
  for (const std::string_view value : {bounded.too_low, bounded.too_high}) {
    if (value.empty()) continue;
    EXPECT_EQ(faults_with(value), refusal("'" + std::string(value) + "'"));
  }
  EXPECT_EQ(faults_with("soon"), refusal("'soon'"));
  EXPECT_EQ(faults_with("-1"), refusal("'-1'"));
  const std::string quoted = "'" + std::string(bounded.lowest) + "'";
  EXPECT_EQ(faults_with(quoted), refusal("the quoted text " + quoted));
  EXPECT_EQ(faults_with("[]"), refusal("a list of 0"));
  EXPECT_EQ(faults_with("{}"), refusal("a map"));
}

}  // namespace siplb::config
