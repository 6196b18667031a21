#include "sip/remnant.h"

#include "base/assert.h"
#include "sip/text_writer.h"

namespace siplb::sip {
namespace {

bool is_kept(HeaderId id) {
  switch (id) {
    case HeaderId::Via:
    case HeaderId::Route:
    case HeaderId::From:
    case HeaderId::To:
    case HeaderId::CallId:
    case HeaderId::CSeq:
    case HeaderId::MaxForwards: return true;
    default: return false;
  }
}

template <typename Take>
void for_each_piece(const Message& request, Take&& take) {
  take(request.start_line);
  for (const Header& header : request.headers()) {
    if (is_kept(header.id)) take(header.line);
  }
  take("\r\n");
}

}  // namespace

size_t remnant_length(const Message& request) {
  size_t length = 0;
  for_each_piece(request, [&length](std::string_view piece) { length += piece.size(); });
  return length;
}

void write_remnant(const Message& request, std::span<char> out) {
  TextWriter writer(out);
  for_each_piece(request, [&writer](std::string_view piece) { writer.put(piece); });
  SIPLB_ASSERT(writer.length() > 0);
}

}  // namespace siplb::sip
