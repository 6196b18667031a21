#include "sip/head_reader.h"

#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "sip/header_names.h"
#include "sip/text.h"

namespace siplb::sip {

namespace {

// The first octet below 0x20, or `end`: line ends and forbidden octets found in one pass.
const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i most = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(octets, most), octets);
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(below));
    if (bits != 0) return at + std::countr_zero(bits);
  }
#endif
  while (at != end && static_cast<uint8_t>(*at) >= 0x20) ++at;
  return at;
}

bool is_crlf(const char* at, const char* end) {
  return end - at >= 2 && at[0] == '\r' && at[1] == '\n';
}

enum class Folding : uint8_t { Refused, Taken };

struct LineEnd {
  const char* at;  // behind the CRLF; null = there is none
  bool clean;      // no control octets before it but HT
};

inline LineEnd find_line_end(const char* at, const char* end, Folding folding) {
  for (bool clean = true;;) {
    at = find_control(at, end);
    if (at == end) return {nullptr, clean};
    if (!is_crlf(at, end)) {
      clean = clean && *at == '\t';
      ++at;
      continue;
    }
    at += 2;
    const bool folded = at != end && (*at == ' ' || *at == '\t');
    if (!folded || folding == Folding::Refused) return {at, clean};
  }
}

}  // namespace

HeadReader::HeadReader(std::string_view octets) : at_(octets.data()), end_(at_ + octets.size()) {
  while (is_crlf(at_, end_)) at_ += 2;
}

bool HeadReader::take_start_line(std::string_view& out) {
  const LineEnd line_end = find_line_end(at_, end_, Folding::Refused);
  if (line_end.at == nullptr) return false;
  out = {at_, static_cast<size_t>(line_end.at - at_)};
  at_ = line_end.at;
  return line_end.clean;
}

HeadStep HeadReader::next(Header& out) {
  if (is_crlf(at_, end_)) {
    at_ += 2;
    return HeadStep::End;
  }
  const char* const line = at_;
  const LineEnd line_end = find_line_end(line, end_, Folding::Taken);
  if (line_end.at == nullptr) return HeadStep::Unended;
  at_ = line_end.at;
  if (!line_end.clean) return HeadStep::BadHeader;

  // The CRLF at the end of the line stops what looks for something else.
  const char* name_end = line;
  while (is(kTokenChar, *name_end)) ++name_end;
  const char* colon = name_end;
  while (*colon == ' ' || *colon == '\t') ++colon;
  if (name_end == line || *colon != ':') return HeadStep::BadHeader;

  out.name = {line, static_cast<size_t>(name_end - line)};
  out.id = header_id(out.name);
  out.value = trim({colon + 1, static_cast<size_t>(at_ - 2 - (colon + 1))});
  out.line = {line, static_cast<size_t>(at_ - line)};
  return HeadStep::Header;
}

}  // namespace siplb::sip
