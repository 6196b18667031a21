#include "config/suggest.h"

#include <algorithm>
#include <array>
#include <utility>

namespace siplb::config {
namespace {

constexpr size_t kWordLengthMax = 64;

// Optimal string alignment: Levenshtein's distance and swaps of neighbours.
// Requires: both are at most kWordLengthMax long.
size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<size_t, kWordLengthMax + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kWordLengthMax) return {};
  size_t nearest = std::max<size_t>(1, word.size() / 3) + 1;
  std::string_view meant;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kWordLengthMax) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance >= nearest) continue;
    nearest = distance;
    meant = candidate;
  }
  if (meant.empty()) return {};
  return std::string(" (did you mean '").append(meant).append("'?)");
}

}  // namespace siplb::config
