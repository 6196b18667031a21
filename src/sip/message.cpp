#include "sip/message.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "sip/head_reader.h"
#include "sip/text.h"

namespace siplb::sip {

namespace {

constexpr uint32_t kCSeqMax = 0x7fffffff;  // 8.1.1.5
constexpr uint32_t kMaxForwardsMax = 255;  // 20.22

constexpr unsigned bit(HeaderId id) {
  return 1U << static_cast<unsigned>(id);
}

constexpr unsigned kRequired = bit(HeaderId::Via) | bit(HeaderId::From) | bit(HeaderId::To) |
                               bit(HeaderId::CallId) | bit(HeaderId::CSeq);
// Two of these contradict each other for somebody, even when they look alike.
constexpr unsigned kSingle = bit(HeaderId::From) | bit(HeaderId::To) | bit(HeaderId::CallId) |
                             bit(HeaderId::CSeq) | bit(HeaderId::MaxForwards) |
                             bit(HeaderId::ContentLength);

bool is_keep_alive(std::string_view octets) {
  constexpr size_t kKeepAliveMax = 4;
  constexpr std::string_view kKeepAliveOctets("\r\n\0", 3);
  return octets.size() <= kKeepAliveMax &&
         octets.find_first_not_of(kKeepAliveOctets) == std::string_view::npos;
}

// "SIP/" 1*DIGIT "." 1*DIGIT
bool is_version(std::string_view text) {
  if (text == "SIP/2.0") return true;
  const std::string_view number = text.substr(std::min(text.size(), size_t{4}));
  const size_t dot = number.find('.');
  return dot != std::string_view::npos && all_of(kDigitChar, number.substr(0, dot)) &&
         all_of(kDigitChar, number.substr(dot + 1));
}

bool starts_like_version(std::string_view text) {
  return equal_caseless(text.substr(0, 4), "SIP/");
}

// False where there are two tags, one that cannot be a tag, or parameters that are none.
bool read_tag(std::string_view params, std::string_view& tag) {
  ParamReader reader(params);
  for (Param param; reader.next(param);) {
    if (!equal_caseless(param.name, "tag")) continue;
    if (!tag.empty() || !long_all_of<kOpaqueChar>(param.value)) return false;
    tag = param.value;
  }
  return reader.well_formed();
}

// By the first two octets of a line; spares a look at Contact, CSeq and Content-Length.
bool may_be_call_id(std::string_view line) {
  if (line.size() < 2) return false;
  const char first = to_lower(line[0]);
  return first == 'i' || (first == 'c' && to_lower(line[1]) == 'a');
}

// Fills a Message. Goes on after a fault of one header, so that the answer can say what the others
// were; the first fault is the one that is told.
class Scanner {
 public:
  Scanner(const ScanLimits& limits, Message& out)
      : headers_max_(std::min(limits.headers_max, kHeadersMax)), out_(out) {
    static_cast<MessageFields&>(out_) = {};
  }

  ScanStatus scan(std::string_view octets);

 private:
  void fault(ScanStatus status) {
    if (status_ == ScanStatus::Ok) status_ = status;
  }
  ScanStatus read_start_line();
  ScanStatus read_request_line(std::string_view line);
  ScanStatus read_status_line(std::string_view line);
  void read_header(const Header& header);
  void read_via(std::string_view value);
  void read_cseq(std::string_view value);
  void read_max_forwards(std::string_view value);
  void read_content_length(std::string_view value);
  void end_head(std::string_view rest);

  size_t headers_max_;
  Message& out_;
  ScanStatus status_ = ScanStatus::Ok;
  unsigned seen_ = 0;
  std::optional<uint64_t> content_length_;
};

ScanStatus Scanner::scan(std::string_view octets) {
  if (is_keep_alive(octets)) return ScanStatus::KeepAlive;
  HeadReader reader(octets);
  out_.text = reader.rest();
  if (!reader.take_start_line(out_.start_line)) return ScanStatus::NotSip;
  fault(read_start_line());
  if (status_ == ScanStatus::NotSip || status_ == ScanStatus::BadStartLine) return status_;

  for (Header beyond_limit;;) {
    const bool full = out_.header_count == headers_max_;
    Header& header = full ? beyond_limit : out_.header_table[out_.header_count];
    switch (reader.next(header)) {
      case HeadStep::Header:
        if (full) {
          fault(ScanStatus::TooManyHeaders);
          return status_;
        }
        ++out_.header_count;
        read_header(header);
        break;
      case HeadStep::BadHeader: fault(ScanStatus::BadHeader); break;
      case HeadStep::Unended: fault(ScanStatus::NoEndOfHead); return status_;
      case HeadStep::End: end_head(reader.rest()); return status_;
    }
  }
}

ScanStatus Scanner::read_start_line() {
  if (!is_sip_start_line(out_.start_line)) return ScanStatus::NotSip;
  const std::string_view line = out_.start_line.substr(0, out_.start_line.size() - 2);
  return starts_like_version(line) ? read_status_line(line) : read_request_line(line);
}

// Parts are parted by one SP each; whatever is between the first and the last is the URI's fault.
ScanStatus Scanner::read_request_line(std::string_view line) {
  const size_t last = line.rfind(' ');
  const std::string_view version = line.substr(last + 1);
  const size_t first = span_of(kTokenChar, line);
  if (first == 0 || first >= last || line[first] != ' ') return ScanStatus::BadStartLine;
  if (!is_version(version)) return ScanStatus::BadStartLine;
  out_.is_request = true;
  out_.method_text = line.substr(0, first);
  out_.method = method_from(out_.method_text);
  out_.version = version;
  out_.request_uri = line.substr(first + 1, last - first - 1);
  return parse_uri(out_.request_uri, out_.uri) ? ScanStatus::Ok : ScanStatus::BadRequestUri;
}

ScanStatus Scanner::read_status_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return ScanStatus::BadStartLine;
  out_.version = line.substr(0, space);
  const std::string_view code = line.substr(space + 1, 3);
  const std::string_view reason = line.substr(space + 1 + code.size());
  const std::optional<uint64_t> status = read_number(code, 699);
  if (!is_version(out_.version) || code.size() != 3 || !status || *status < 100 || *status > 699) {
    return ScanStatus::BadStartLine;
  }
  if (!reason.empty() && reason.front() != ' ') return ScanStatus::BadStartLine;
  out_.status = static_cast<uint16_t>(*status);
  return ScanStatus::Ok;
}

void Scanner::read_header(const Header& header) {
  const unsigned seen_before = seen_ & bit(header.id);
  seen_ |= bit(header.id);
  if (seen_before != 0) {
    if ((seen_before & kSingle) != 0) fault(ScanStatus::RepeatedHeader);
    return;
  }
  switch (header.id) {
    case HeaderId::Via: read_via(header.value); break;
    case HeaderId::From:
      if (!parse_name_addr(header.value, out_.from) || !read_tag(out_.from.params, out_.from_tag)) {
        fault(ScanStatus::BadFromTo);
      }
      break;
    case HeaderId::To:
      if (!parse_name_addr(header.value, out_.to) || !read_tag(out_.to.params, out_.to_tag)) {
        fault(ScanStatus::BadFromTo);
      }
      break;
    case HeaderId::CallId:
      out_.call_id = header.value;
      if (header.value.size() > kCallIdOctetsMax || !long_all_of<kWordChar>(header.value)) {
        fault(ScanStatus::BadCallId);
      }
      break;
    case HeaderId::CSeq: read_cseq(header.value); break;
    case HeaderId::MaxForwards: read_max_forwards(header.value); break;
    case HeaderId::ContentLength: read_content_length(header.value); break;
    case HeaderId::Route:
    case HeaderId::RecordRoute:
    case HeaderId::ProxyRequire:
    case HeaderId::Contact:
    case HeaderId::Other: break;
  }
}

void Scanner::read_via(std::string_view value) {
  ValueReader reader(value);
  std::string_view top;
  if (reader.next(top) && parse_via(top, out_.via)) {
    out_.via_rest = reader.remaining();
    return;
  }
  out_.via = {};
  fault(ScanStatus::BadVia);
}

void Scanner::read_cseq(std::string_view value) {
  const size_t digits = span_of(kDigitChar, value);
  const std::optional<uint64_t> number = read_number(value.substr(0, digits), kCSeqMax);
  const std::string_view method = trim_front(value.substr(digits));
  const bool parted = digits + method.size() < value.size();
  if (!number || *number > kCSeqMax || !parted || !all_of(kTokenChar, method)) {
    return fault(ScanStatus::BadCSeq);
  }
  out_.cseq = static_cast<uint32_t>(*number);
  if (!out_.is_request) {
    out_.method_text = method;
    out_.method = method_from(method);
  } else if (method != out_.method_text) {
    fault(ScanStatus::BadCSeq);
  }
}

void Scanner::read_max_forwards(std::string_view value) {
  const std::optional<uint64_t> number = read_number(value, kMaxForwardsMax);
  if (!number) return fault(ScanStatus::BadMaxForwards);
  out_.max_forwards_digits = value;
  out_.max_forwards = static_cast<uint32_t>(std::min<uint64_t>(*number, kMaxForwardsMax));
}

void Scanner::read_content_length(std::string_view value) {
  content_length_ = read_number(value, kMessageOctetsMax);
  if (!content_length_ || *content_length_ > kMessageOctetsMax) {
    fault(ScanStatus::BadContentLength);
  }
}

void Scanner::end_head(std::string_view rest) {
  if ((seen_ & kRequired) != kRequired) fault(ScanStatus::MissingHeader);
  out_.body = rest;
  if (!content_length_) return;
  if (*content_length_ > rest.size()) return fault(ScanStatus::BodyTooShort);
  out_.body = rest.substr(0, *content_length_);
  out_.text.remove_suffix(rest.size() - out_.body.size());
}

}  // namespace

std::string_view scan_status_name(ScanStatus status) {
  constexpr std::array<std::string_view, static_cast<size_t>(ScanStatus::kCount)> kNames = {
      "ok",
      "keep_alive",
      "not_sip",
      "bad_start_line",
      "bad_header",
      "too_many_headers",
      "no_end_of_head",
      "missing_header",
      "repeated_header",
      "bad_via",
      "bad_from_to",
      "bad_call_id",
      "bad_cseq",
      "bad_max_forwards",
      "bad_content_length",
      "body_too_short",
      "bad_request_uri"};
  SIPLB_ASSERT(status < ScanStatus::kCount);
  return kNames[static_cast<size_t>(status)];
}

const Header* Message::find(HeaderId id) const {
  for (const Header& header : headers()) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const Header* Message::find(std::string_view name) const {
  for (const Header& header : headers()) {
    if (equal_caseless(header.name, name)) return &header;
  }
  return nullptr;
}

bool is_sip_start_line(std::string_view line) {
  return starts_like_version(line) || starts_like_version(line.substr(line.rfind(' ') + 1));
}

ScanStatus scan(std::string_view octets, const ScanLimits& limits, Message& out) {
  return Scanner(limits, out).scan(octets);
}

bool answerable(const Message& message) {
  if (!message.is_request || message.method == Method::Ack || message.via.text.empty())
    return false;
  for (const HeaderId id : {HeaderId::From, HeaderId::To, HeaderId::CallId, HeaderId::CSeq}) {
    const Header* header = message.find(id);
    if (header == nullptr || header->value.empty()) return false;
  }
  return true;
}

std::string_view peek_call_id(std::string_view octets) {
  // Every lane's socket may see the message first, so this only skips from LF to LF: where a
  // message scans Ok, each of them ends a line.
  std::string_view rest = HeadReader(octets).rest();
  for (size_t lf; (lf = rest.find('\n')) != std::string_view::npos;) {
    rest.remove_prefix(lf + 1);
    if (rest.starts_with('\r')) return {};
    if (!may_be_call_id(rest)) continue;
    Header header;
    if (HeadReader(rest).next(header) == HeadStep::Header && header.id == HeaderId::CallId) {
      return header.value;
    }
  }
  return {};
}

bool ValueReader::next(std::string_view& value) {
  if (rest_.empty()) return false;
  if (rest_.find(',') == std::string_view::npos) {
    value = rest_;
    rest_.remove_prefix(rest_.size());
    return true;
  }
  size_t end = 0;
  while (end < rest_.size() && rest_[end] != ',') {
    size_t step = 1;
    if (rest_[end] == '"') step = quoted_length(rest_.substr(end));
    if (rest_[end] == '<') step = rest_.substr(end).find('>');
    end = step == std::string_view::npos ? rest_.size() : end + step;
  }
  value = trim(rest_.substr(0, end));
  rest_.remove_prefix(end);
  if (!rest_.empty()) rest_ = trim_front(rest_.substr(1));
  return true;
}

}  // namespace siplb::sip
