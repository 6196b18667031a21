#include "sip/reply.h"

#include "sip/text_writer.h"

namespace siplb::sip {

namespace {

void put_status_line(TextWriter& writer, const ReplyOptions& options) {
  writer.put("SIP/2.0 ");
  writer.put_number(options.code);
  writer.put(" ");
  writer.put(options.reason.empty() ? reason_phrase(options.code) : options.reason);
  writer.put("\r\n");
}

void put_vias(TextWriter& writer, const Message& request, const SockAddress& source) {
  const ViaStamp stamp = stamp_via(request.via, source);
  bool top = true;
  for (const Header& header : request.headers()) {
    if (header.id != HeaderId::Via) continue;
    Editor editor(header.line);
    if (top) {
      editor.replace(stamp.regions[0], stamp.text);
      if (stamp.regions[1].data() != nullptr) editor.erase(stamp.regions[1]);
    }
    writer.put(editor);
    top = false;
  }
}

void put_to(TextWriter& writer, const Message& request, std::string_view tag) {
  const Header& to = *request.find(HeaderId::To);
  Editor editor(to.line);
  if (request.to_tag.empty() && !tag.empty()) {
    const char* const end = to.value.data() + to.value.size();
    editor.insert_before(end, ";tag=");
    editor.insert_before(end, tag);
  }
  writer.put(editor);
}

}  // namespace

size_t build_reply(const Message& request, const ReplyOptions& options, std::span<char> out) {
  if (!answerable(request)) return 0;
  TextWriter writer(out);
  put_status_line(writer, options);
  put_vias(writer, request, options.source);
  writer.put(request.find(HeaderId::From)->line);
  put_to(writer, request, options.to_tag);
  writer.put(request.find(HeaderId::CallId)->line);
  writer.put(request.find(HeaderId::CSeq)->line);
  writer.put(options.headers);
  writer.put("Content-Length: 0\r\n\r\n");
  return writer.length();
}

std::string_view reason_phrase(uint16_t code) {
  switch (code) {
    case 100: return "Trying";
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 410: return "Gone";
    case 413: return "Request Entity Too Large";
    case 414: return "Request-URI Too Long";
    case 416: return "Unsupported URI Scheme";
    case 420: return "Bad Extension";
    case 430: return "Flow Failed";
    case 480: return "Temporarily Unavailable";
    case 481: return "Call/Transaction Does Not Exist";
    case 482: return "Loop Detected";
    case 483: return "Too Many Hops";
    case 486: return "Busy Here";
    case 487: return "Request Terminated";
    case 488: return "Not Acceptable Here";
    case 500: return "Server Internal Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Server Time-out";
    case 505: return "Version Not Supported";
    case 513: return "Message Too Large";
    case 600: return "Busy Everywhere";
    case 603: return "Decline";
    case 604: return "Does Not Exist Anywhere";
    case 606: return "Not Acceptable";
    default: return "Unknown";
  }
}

}  // namespace siplb::sip
