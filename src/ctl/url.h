// The path of a question, with its parameters, as HTTP wants it (RFC 3986).
//
// Thread: one.
#pragma once

#include <string>
#include <string_view>

namespace siplb::ctl {

class Query {
 public:
  explicit Query(std::string path) : text_(std::move(path)) {}
  // Whatever the value holds arrives as it is. Requires: a name of letters and '_'.
  void add(std::string_view name, std::string_view value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  char separator_ = '?';
};

}  // namespace siplb::ctl
