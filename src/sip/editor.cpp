#include "sip/editor.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::sip {

Editor::Editor(std::string_view original) : original_(original) {}

void Editor::replace(std::string_view region, std::string_view text) {
  SIPLB_ASSERT(edit_count_ < kEditsMax);
  SIPLB_ASSERT(region.data() >= original_.data());
  SIPLB_ASSERT(region.data() + region.size() <= original_.data() + original_.size());

  // Edits are kept in the order of the message, and insertions before what they stand in front of.
  const auto goes_before = [](const Edit& a, const Edit& b) {
    if (a.region.data() != b.region.data()) return a.region.data() < b.region.data();
    return a.region.empty() && !b.region.empty();
  };
  const Edit edit{region, text};
  Edit* const end = edits_.data() + edit_count_;
  Edit* const place = std::upper_bound(edits_.data(), end, edit, goes_before);
  std::move_backward(place, end, end + 1);
  *place = edit;
  ++edit_count_;
}

std::span<const std::string_view> Editor::pieces() {
  piece_count_ = 0;
  const auto add = [this](std::string_view piece) {
    if (!piece.empty()) pieces_[piece_count_++] = piece;
  };
  const char* at = original_.data();
  const char* const end = at + original_.size();
  for (const Edit& edit : std::span(edits_.data(), edit_count_)) {
    SIPLB_ASSERT(edit.region.data() >= at);  // or two regions overlap
    add({at, static_cast<size_t>(edit.region.data() - at)});
    add(edit.text);
    at = edit.region.data() + edit.region.size();
  }
  add({at, static_cast<size_t>(end - at)});
  return {pieces_.data(), piece_count_};
}

void decrement_in_place(std::string_view digits) {
  const size_t last = digits.find_last_not_of('0');
  SIPLB_ASSERT(last != std::string_view::npos);
  // The octets are the receive slot's, which is writable; only the view of them is not.
  char* const octets = const_cast<char*>(digits.data());
  --octets[last];
  std::fill(octets + last + 1, octets + digits.size(), '9');
}

}  // namespace siplb::sip
