// A text to compare with, as an operator writes it: "exact", "beginning*" or "~expression".
//
// Expressions are RE2's: linear time and bounded memory whatever they are matched with. They see
// octets (Latin-1), since SIP need not be UTF-8, and a folded header value as one line. RE2
// allocates and locks while it matches, which is known and accepted; the others do neither.
// Thread: one at a time, so that RE2's locks are never waited for.
// Bounds: kExpressionOctetsMax per expression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace siplb::proxy {

inline constexpr size_t kExpressionOctetsMax = size_t{256} * 1024;

enum class LetterCase : uint8_t { Matters, Ignored };

[[nodiscard]] bool is_expression(std::string_view pattern);

// What is wrong with a pattern, in RE2's words where it is an expression; empty: it is well-formed.
[[nodiscard]] std::string pattern_fault(std::string_view text);

class Pattern {
 public:
  // Requires: pattern_fault(text) is empty.
  Pattern(std::string_view text, LetterCase letter_case);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  [[nodiscard]] bool is_expression() const { return kind_ == Kind::Expression; }
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  enum class Kind : uint8_t { Exact, Beginning, Expression };
  Kind kind_;
  LetterCase letter_case_;
  std::string text_;  // without the '*'; unused with an expression
  std::unique_ptr<re2::RE2> expression_;
};

}  // namespace siplb::proxy
