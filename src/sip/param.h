// Parameters: `a=1;b;c="x;y"`, as they follow a URI or stand behind a header's value.
//
// Views into the text given; they die with it. Names compare without case; values stay as written,
// quotes and escapes included. White space and folding around '=' and ';' belong to neither.
// Thread: any. Bounds: constant, no heap.
#pragma once

#include <string_view>

#include "sip/octet_block.h"

namespace siplb::sip {

struct Param {
  std::string_view name;   // empty between two ';' in a row
  std::string_view value;  // data() == nullptr where there is no '='
  std::string_view text;   // all between two ';', white space included
};

class ParamReader {
 public:
  // `params` is what follows the first ';'.
  explicit ParamReader(std::string_view params) : rest_(params), ended_(params.data() == nullptr) {}
  // Takes the next parameter; false at the end, and at one that holds ',' or angle brackets outside
  // quotes, or a quoted string that is not closed: whoever splits there sees other parameters.
  [[nodiscard]] bool next(Param& out) {
    if (ended_) return false;
    return take_plain(out) || take_any(out);
  }
  // False where reading ended early.
  [[nodiscard]] bool well_formed() const { return well_formed_; }

 private:
  // Takes "name" or "name=value" without white space and quotes, which almost every parameter is;
  // false, and nothing taken, where it is not that simple.
  bool take_plain(Param& out) {
    const size_t name_length = span_of(kTokenChar, rest_);
    size_t length = name_length;
    out.value = {};
    if (length < rest_.size() && rest_[length] == '=') {
      out.value = rest_.substr(length + 1);
      out.value = out.value.substr(0, long_span_of<kOpaqueChar>(out.value));
      length += 1 + out.value.size();
    }
    if (length < rest_.size() && rest_[length] != ';') return false;
    out.name = rest_.substr(0, name_length);
    take(length, out);
    return true;
  }
  bool take_any(Param& out);
  void take(size_t length, Param& out) {
    out.text = rest_.substr(0, length);
    ended_ = length == rest_.size();
    rest_.remove_prefix(ended_ ? length : length + 1);
  }

  std::string_view rest_;
  bool ended_;
  bool well_formed_ = true;
};

// The value of the first parameter of that name; an empty view with data() == nullptr where it is
// absent, and an empty view that is not null where it has no value.
[[nodiscard]] std::string_view find_param(std::string_view params, std::string_view name);

}  // namespace siplb::sip
