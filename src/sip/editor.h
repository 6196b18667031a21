// Edits a message without copying it: a list of pieces, some of the original, some new.
//
// What is not edited stays byte-exact and in order. Edits may be given in any order; regions must
// lie in the message, must not overlap, and stay alive (as must new text) until the pieces are
// sent. Thread: any. Bounds: kEditsMax edits, kPiecesMax pieces, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace siplb::sip {

class Editor {
 public:
  // After the start line; Via received/rport (2 regions); Route (3 regions, popped apart); for a
  // strict router the Request-URI and, in three texts, a Route behind the others.
  static constexpr size_t kEditsMax = 10;
  static constexpr size_t kPiecesMax = 2 * kEditsMax + 1;

  // `original` is the message as it is to be forwarded but for the edits.
  explicit Editor(std::string_view original);

  // Replaces `region` by `text`. An empty region inserts before its position, also where another
  // edit replaces what starts there; several insertions at one position keep the order in which
  // they were given.
  // Requires: fewer than kEditsMax edits so far; region within the original, apart from the others.
  void replace(std::string_view region, std::string_view text);
  void insert_before(const char* position, std::string_view text) { replace({position, 0}, text); }
  void erase(std::string_view region) { replace(region, {}); }

  // The edited message in order; empty pieces are left out. Valid until the next edit.
  [[nodiscard]] std::span<const std::string_view> pieces();

 private:
  struct Edit {
    std::string_view region;
    std::string_view text;
  };
  std::string_view original_;
  size_t edit_count_ = 0;
  size_t piece_count_ = 0;
  std::array<Edit, kEditsMax> edits_;
  std::array<std::string_view, kPiecesMax> pieces_;
};

// Writes Max-Forwards - 1 over the digits in place, keeping their number ("70" -> "69",
// "100" -> "099"). Requires: a value above 0. `digits` must point into writable octets.
void decrement_in_place(std::string_view digits);

}  // namespace siplb::sip
