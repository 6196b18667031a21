// The options of a statement: key=value words, and pairs such as `as NAME` and `in NAME`.
//
// Who takes them all calls finish(), so that a misspelt one does not go unnoticed.
// Thread: one.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "scenario/script.h"

namespace siplb::test {

class Options {
 public:
  Options(const Words& words, size_t from) {
    for (size_t i = from; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      if (equals != std::string::npos) {
        values_[words[i].substr(0, equals)] = words[i].substr(equals + 1);
      } else if (i + 1 < words.size()) {
        values_[words[i]] = words[i + 1];
        ++i;
      } else {
        throw ScriptError("'" + words[i] + "' needs a value");
      }
    }
  }

  std::optional<std::string> take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::string value = found->second;
    values_.erase(found);
    return value;
  }
  [[nodiscard]] std::optional<std::string> look(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  void finish() const {
    if (!values_.empty()) throw ScriptError("unknown: '" + values_.begin()->first + "'");
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace siplb::test
