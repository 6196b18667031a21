#include "sip/strict_route.h"

#include <string_view>

#include "sip/text_writer.h"

namespace siplb::sip {
namespace {

struct LastValue {
  size_t at = 0;  // where what precedes it in its header ends; 0 = nothing does
  std::string_view text;
};

LastValue last_value(const Header& header) {
  LastValue last;
  ValueReader values(header.value);
  while (values.next(last.text)) {
    const char* const end = last.text.data() + last.text.size();
    if (!values.remaining().empty()) last.at = static_cast<size_t>(end - header.value.data());
  }
  return last;
}

const Header* last_route(const Message& request) {
  const Header* last = nullptr;
  for (const Header& header : request.headers()) {
    if (header.id == HeaderId::Route) last = &header;
  }
  return last;
}

}  // namespace

bool is_loose(const Uri& uri) {
  return uri.param("lr").data() != nullptr;
}

size_t undo_strict_route(const Message& request, std::span<char> out) {
  const Header* const first = request.find(HeaderId::Route);
  const Header* const last = last_route(request);
  if (last == nullptr) return 0;
  const LastValue target = last_value(*last);
  NameAddr entry;
  Uri uri;
  if (!parse_name_addr(target.text, entry) || !parse_uri(entry.uri, uri)) return 0;

  const bool is_alone = target.at == 0;
  const bool is_only = is_alone && first == last;
  Editor editor(request.text);
  editor.replace(request.request_uri, entry.uri);
  editor.insert_before(first->value.data(), "<");
  editor.insert_before(first->value.data(), request.request_uri);
  editor.insert_before(first->value.data(), is_only ? ">" : ">, ");
  // A header of which nothing is left goes with its line, but for the one that takes the new value.
  editor.erase(is_alone && !is_only ? last->line : last->value.substr(target.at));
  TextWriter writer(out);
  writer.put(editor);
  return writer.length();
}

}  // namespace siplb::sip
