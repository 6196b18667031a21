#include "proxy/pattern.h"

#include <re2/re2.h>

#include "base/alloc_guard.h"
#include "base/assert.h"
#include "proxy/route_options.h"
#include "sip/text.h"

namespace siplb::proxy {
namespace {

constexpr char kExpressionMark = '~';
constexpr char kBeginningMark = '*';

re2::RE2::Options expression_options(LetterCase letter_case) {
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_case_sensitive(letter_case == LetterCase::Matters);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_log_errors(false);
  options.set_max_mem(kExpressionOctetsMax);
  return options;
}

std::unique_ptr<re2::RE2> compile(std::string_view expression, LetterCase letter_case) {
  return std::make_unique<re2::RE2>(expression, expression_options(letter_case));
}

bool equal(std::string_view a, std::string_view b, LetterCase letter_case) {
  return letter_case == LetterCase::Matters ? a == b : sip::equal_caseless(a, b);
}

}  // namespace

bool is_expression(std::string_view pattern) {
  return pattern.starts_with(kExpressionMark);
}

std::string pattern_fault(std::string_view text) {
  if (text.size() > kPatternOctetsMax) {
    return "longer than " + std::to_string(kPatternOctetsMax) + " octets";
  }
  if (!is_expression(text)) return {};
  // Without case an expression is the larger of the two.
  return compile(text.substr(1), LetterCase::Ignored)->error();
}

Pattern::Pattern(std::string_view text, LetterCase letter_case)
    : kind_(Kind::Exact), letter_case_(letter_case), text_(text) {
  if (siplb::proxy::is_expression(text)) {
    kind_ = Kind::Expression;
    expression_ = compile(text.substr(1), letter_case);
    SIPLB_ASSERT(expression_->ok());
  } else if (text.ends_with(kBeginningMark)) {
    kind_ = Kind::Beginning;
    text_.pop_back();
  }
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::matches(std::string_view text) const {
  switch (kind_) {
    case Kind::Exact: return equal(text, text_, letter_case_);
    case Kind::Beginning: return equal(text.substr(0, text_.size()), text_, letter_case_);
    case Kind::Expression: break;
  }
  const AllocGuardPause pause;
  return re2::RE2::PartialMatch(text, *expression_);
}

}  // namespace siplb::proxy
