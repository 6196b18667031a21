// Writes a message from its start into a buffer that may be too small for it.
//
// Whoever builds a message puts part after part and asks once, at the end, whether all of it is
// there: what does not fit makes the whole of it void.
// Thread: one. Bounds: the caller's buffer, no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "sip/editor.h"

namespace siplb::sip {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> out) : out_(out) {}

  // Requires: `text` is not in the buffer.
  void put(std::string_view text) {
    fits_ = fits_ && text.size() <= out_.size() - used_;
    if (fits_) used_ += text.copy(out_.data() + used_, text.size());
  }
  void put(Editor& editor) {
    for (const std::string_view piece : editor.pieces()) put(piece);
  }
  void put_number(uint32_t number) {
    FixedString<20> digits;
    digits.append_number(number);
    put(digits.view());
  }

  // How much was written; 0 where something did not fit.
  [[nodiscard]] size_t length() const { return fits_ ? used_ : 0; }

 private:
  std::span<char> out_;
  size_t used_ = 0;
  bool fits_ = true;
};

}  // namespace siplb::sip
