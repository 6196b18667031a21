#include "sip/head_reader.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include <endian.h>

#include "sip/header_names.h"
#include "sip/text.h"

namespace siplb::sip {

namespace {

// The position of the first octet below 0x20, from `at` on; text.size() where there is none.
// Finds line ends and forbidden octets in one pass, eight octets at a time.
size_t find_control(std::string_view text, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    word = le64toh(word);
    // A borrow can only mark octets behind the first true one.
    const uint64_t below = (word - kOnes * 0x20) & ~word & (kOnes * 0x80);
    if (below != 0) return at + static_cast<size_t>(std::countr_zero(below)) / 8;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) >= 0x20) ++at;
  return at;
}

enum class Folding : uint8_t { Refused, Taken };

struct Line {
  size_t length = 0;  // with its CRLF; 0 = no line end
  bool clean = true;  // no control octets but HT
};

Line first_line(std::string_view text, Folding folding) {
  Line line;
  for (size_t at = find_control(text, 0); at < text.size(); at = find_control(text, at)) {
    if (text.compare(at, 2, "\r\n") != 0) {
      line.clean = line.clean && text[at] == '\t';
      ++at;
      continue;
    }
    at += 2;
    const bool folded = at < text.size() && (text[at] == ' ' || text[at] == '\t');
    if (folded && folding == Folding::Taken) continue;
    line.length = at;
    return line;
  }
  return line;
}

}  // namespace

HeadReader::HeadReader(std::string_view octets) : rest_(octets) {
  while (rest_.starts_with("\r\n")) rest_.remove_prefix(2);
}

bool HeadReader::take_start_line(std::string_view& out) {
  const Line line = first_line(rest_, Folding::Refused);
  if (line.length == 0 || !line.clean) return false;
  out = rest_.substr(0, line.length);
  rest_.remove_prefix(line.length);
  return true;
}

HeadStep HeadReader::next(Header& out) {
  if (rest_.starts_with("\r\n")) {
    rest_.remove_prefix(2);
    return HeadStep::End;
  }
  const Line line = first_line(rest_, Folding::Taken);
  if (line.length == 0) return HeadStep::Unended;
  const std::string_view text = rest_.substr(0, line.length);
  rest_.remove_prefix(line.length);
  if (!line.clean) return HeadStep::BadHeader;

  const size_t name_length = span_of(kTokenChar, text);
  size_t colon = name_length;
  while (text[colon] == ' ' || text[colon] == '\t') ++colon;
  if (name_length == 0 || text[colon] != ':') return HeadStep::BadHeader;

  out.name = text.substr(0, name_length);
  out.id = header_id(out.name);
  out.value = trim(text.substr(colon + 1));
  out.line = text;
  return HeadStep::Header;
}

}  // namespace siplb::sip
