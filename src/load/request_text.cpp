#include "load/request_text.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "load/session_body.h"

namespace siplb::load {

namespace {

// A dialog that was set up through more proxies than this is not ours to test.
constexpr size_t kRoutesMax = 16;

std::string_view method_of(Step step) {
  switch (step) {
    case Step::Invite: return "INVITE";
    case Step::Cancel: return "CANCEL";
    case Step::Ack: return "ACK";
    case Step::Bye: return "BYE";
    case Step::Options: return "OPTIONS";
    case Step::Register: return "REGISTER";
  }
  SIPLB_ASSERT(false);
  return {};
}

std::string_view remote_target(const sip::Message& answer) {
  const sip::Header* contact = answer.find(sip::HeaderId::Contact);
  sip::NameAddr address;
  if (contact == nullptr || !sip::parse_name_addr(contact->value, address)) return {};
  return address.uri;
}

// The route set in the order of an initiator (RFC 3261, 12.1.2: the answer's, reversed).
class RouteSet {
 public:
  explicit RouteSet(const sip::Message& answer) {
    for (const sip::Header& header : answer.headers()) {
      if (header.id != sip::HeaderId::RecordRoute) continue;
      sip::ValueReader reader(header.value);
      for (std::string_view value; reader.next(value);) {
        if (count_ == values_.size()) {
          is_whole_ = false;
          return;
        }
        values_[count_++] = value;
      }
    }
    std::reverse(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count_));
  }

  [[nodiscard]] bool is_whole() const { return is_whole_; }
  [[nodiscard]] std::span<const std::string_view> values() const {
    return {values_.data(), count_};
  }

 private:
  std::array<std::string_view, kRoutesMax> values_;
  size_t count_ = 0;
  bool is_whole_ = true;
};

}  // namespace

RequestText::RequestText(const RequestTextOptions& options)
    : target_(options.target.text()),
      seed_text_(hex(options.seed)),
      seed_(options.seed),
      is_stream_(options.transport != sip::Transport::Udp) {
  sources_.reserve(options.sources.size());
  for (const SockAddress& source : options.sources) sources_.push_back(source.text());
}

void RequestText::put_target(const CallKey& call) {
  FixedString<10> digits;
  digits.append_number(call.number);
  put("sip:u");
  put(digits);
  put("@");
  put(target_);
}

// Via, Max-Forwards, From and Call-ID: what all of a call's requests share but for the branch.
void RequestText::put_via(const BranchKey& key, size_t source) {
  FixedString<10> digits;
  digits.append_number(key.call.number);
  put(" SIP/2.0\r\nVia: SIP/2.0/");
  put(is_stream_ ? "TCP " : "UDP ");
  put(sources_[source]);
  // RFC 3581: over a stream answers take the connection.
  put(is_stream_ ? ";branch=" : ";rport;branch=");
  put(write_branch(key, seed_));
  put("\r\nMax-Forwards: 70\r\nFrom: \"siplb-load\" <sip:load@");
  put(sources_[source]);
  put(">;tag=");
  put(hex(key.call.number));
  put("\r\nCall-ID: ");
  put(seed_text_);
  put("-");
  put(digits);
  put("@siplb-load\r\nTo: ");
}

std::optional<std::string_view> RequestText::whole_text() const {
  if (!fits_) return std::nullopt;
  return text_.view();
}

void RequestText::put_contact(size_t source) {
  put("Contact: <sip:load@");
  put(sources_[source]);
  put(is_stream_ ? ";transport=tcp>\r\n" : ">\r\n");
}

std::string_view RequestText::write_first(const BranchKey& key, size_t source) {
  const std::string_view method = method_of(key.step);
  text_.clear();
  fits_ = true;
  put(method);
  put(" ");
  if (key.step == Step::Register) {  // The registrar's domain, without a user (10.2).
    put("sip:");
    put(target_);
  } else {
    put_target(key.call);
  }
  put_via(key, source);
  put("<");
  put_target(key.call);
  put(">\r\nCSeq: 1 ");
  put(method);
  put("\r\n");
  if (key.step != Step::Cancel) put_contact(source);
  if (key.step == Step::Register) put("Expires: 3600\r\n");
  put(key.step == Step::Invite ? kSessionBody : "Content-Length: 0\r\n\r\n");
  SIPLB_ASSERT(fits_);  // All of it is ours.
  return text_;
}

std::optional<std::string_view> RequestText::write_failure_ack(const CallKey& call, size_t source,
                                                               const sip::Message& answer) {
  text_.clear();
  fits_ = true;
  put("ACK ");
  put_target(call);
  put_via({call, Step::Invite}, source);
  put(answer.to.text);
  put("\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
  return whole_text();
}

std::optional<std::string_view> RequestText::write_in_dialog(const BranchKey& key, size_t source,
                                                             const sip::Message& answer) {
  SIPLB_ASSERT(key.step == Step::Ack || key.step == Step::Bye);
  const RouteSet routes(answer);
  const std::string_view target = remote_target(answer);
  text_.clear();
  fits_ = routes.is_whole();
  put(method_of(key.step));
  put(" ");
  if (target.empty()) {
    put_target(key.call);
  } else {
    put(target);
  }
  put_via(key, source);
  put(answer.to.text);
  put(key.step == Step::Ack ? "\r\nCSeq: 1 ACK\r\n" : "\r\nCSeq: 2 BYE\r\n");
  for (const std::string_view route : routes.values()) {
    put("Route: ");
    put(route);
    put("\r\n");
  }
  put("Content-Length: 0\r\n\r\n");
  return whole_text();
}

std::optional<SockAddress> RequestText::next_hop(const sip::Message& answer) {
  const RouteSet routes(answer);
  std::string_view target = remote_target(answer);
  sip::NameAddr first_route;
  if (!routes.values().empty() && sip::parse_name_addr(routes.values().front(), first_route)) {
    target = first_route.uri;
  }
  sip::Uri uri;
  if (!sip::parse_uri(target, uri)) return std::nullopt;
  return uri.literal();
}

}  // namespace siplb::load
