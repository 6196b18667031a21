#include "proxy/request.h"

#include <chrono>

#include "sip/char_class.h"

namespace siplb::proxy {
namespace {

constexpr size_t kLabelOctetsMax = 63;  // RFC 1035, 2.3.4

bool is_label(std::string_view label) {
  return label.size() <= kLabelOctetsMax && sip::all_of(sip::kHostChar, label);
}

// The last label begins with a letter: so "10.0.0.256" is none.
bool is_host_name(std::string_view host) {
  if (host.size() > kHostNameOctetsMax) return false;
  for (size_t dot = host.find('.'); dot != host.npos; dot = host.find('.')) {
    if (!is_label(host.substr(0, dot))) return false;
    host.remove_prefix(dot + 1);
  }
  return is_label(host) && !sip::is(sip::kDigitChar, host.front());
}

// False where it wants another than UDP or TCP. Nothing where it does not say.
bool read_transport(const sip::Uri& uri, std::optional<sip::Transport>& transport) {
  if (uri.scheme != sip::Scheme::Sip) return false;
  const std::string_view named = uri.param("transport");
  for (const auto each : {sip::Transport::Udp, sip::Transport::Tcp}) {
    if (sip::equal_caseless(named, sip::transport_name(each))) transport = each;
  }
  return named.empty() || transport.has_value();
}

}  // namespace

Tick tick_at(Instant now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.now = now,
          .today = static_cast<uint16_t>(std::chrono::floor<std::chrono::days>(wall).count()),
          .minute = static_cast<uint16_t>(std::chrono::floor<std::chrono::minutes>(wall).count())};
}

Request read_request(const Snapshot& snapshot, const Received& received,
                     CounterArray<sip::SealFault>& rejected) {
  const sip::Message& message = received.message;
  const Sender sender = find_sender(snapshot, received.source);
  const RouteReading reading{.sides = snapshot.sides,
                             .seal = snapshot.seal,
                             .local = received.source.local,
                             .today = received.tick.today,
                             .takes_path_token = sender.is_server()};
  return {
      .message = message,
      .source = received.source,
      .tick = received.tick,
      .sender = sender,
      .routes = read_route_set(message, reading, rejected),
      .branch = received.branch,
      .from_tag_hash = snapshot.seal.tag_hash(message.from_tag),
  };
}

std::optional<UriPlace> read_place(const sip::Uri& uri) {
  const auto address = uri.literal();
  UriPlace place;
  if (!address || !read_transport(uri, place.transport)) return std::nullopt;
  place.address = *address;
  return place;
}

std::optional<NameKey> read_name(const sip::Uri& uri) {
  std::string_view host = uri.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  NameKey name{.host = {}, .port = uri.port, .transport = {}};
  if (!is_host_name(host) || !read_transport(uri, name.transport)) return std::nullopt;
  for (const char c : host) {
    const char lower = sip::to_lower(c);
    name.host.append({&lower, 1});
  }
  return name;
}

uint32_t loop_hash(const Request& request, const Snapshot& snapshot) {
  return snapshot.seal.loop_hash(request.message, request.routes.remaining,
                                 snapshot.sides[request.source.listener].hash,
                                 request.sender.affinity_group);
}

}  // namespace siplb::proxy
