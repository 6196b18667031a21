// The table's part about groups: how work is spread, who the servers are, how their health is
// watched.
#include <algorithm>
#include <iterator>
#include <limits>

#include "balance/health.h"
#include "config/keys.h"
#include "config/lists.h"
#include "config/references.h"
#include "config/transports.h"
#include "config/values.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::FailoverOptions;
using balance::GroupOptions;
using balance::HealthOptions;
using balance::Late2xx;
using balance::Policy;
using balance::ProbeSource;
using balance::ServerOptions;
using namespace std::chrono_literals;

// What a server's URI says of the transport; nothing where it says anything else.
std::optional<sip::Transport> uri_transport(const sip::Uri& uri) {
  using sip::Transport;
  if (uri.params.empty()) return Transport::Udp;
  for (const Transport transport : {Transport::Udp, Transport::Tcp, Transport::Tls}) {
    const std::string param = std::string("transport=").append(sip::transport_label(transport));
    if (sip::equal_caseless(uri.params, param)) return transport;
  }
  return std::nullopt;
}

// What keeps a well-formed URI from being a server's; empty where nothing does.
std::string uri_fault(const sip::Uri& uri) {
  if (uri.scheme == sip::Scheme::Sips) return "'sips' is not yet supported";
  if (uri.scheme != sip::Scheme::Sip) return "a server's URI starts with 'sip:'";
  if (uri.text.find('@') != std::string_view::npos) return "a server's URI has no user part";
  if (uri.text.find('?') != std::string_view::npos) return "a server's URI has no headers";
  const auto transport = uri_transport(uri);
  if (!transport) return "a server's URI has no parameters but 'transport=udp' or 'transport=tcp'";
  if (transport == sip::Transport::Tls) return "transport 'tls' is not yet supported";
  const auto address = uri.literal();
  if (address && address->is_wildcard()) return "a wildcard address is no server's";
  if (!parse_host(uri.host)) return shown(uri.host) + " is neither an address nor a host name";
  return {};
}

bool read_server_uri(const YamlNode& node, ServerOptions& server, const ReadContext& context) {
  sip::Uri uri;
  if (!node.is_text() || !sip::parse_uri(node.text, uri)) return false;
  if (std::string fault = uri_fault(uri); !fault.empty()) {
    context.faults.add(node.place, std::move(fault));
    return true;
  }
  server.transport = *uri_transport(uri);
  if (const auto address = uri.literal()) {
    server.address = *address;
  } else {
    std::transform(uri.host.begin(), uri.host.end(), std::back_inserter(server.host),
                   sip::to_lower);
    server.has_port = uri.port != 0;
    server.port = uri.port;
  }
  return true;
}

// With both, UDP is what the server is reached by, whatever their order.
bool read_server_transports(const YamlNode& node, ServerOptions& server,
                            const ReadContext& context) {
  std::vector<sip::Transport> transports;
  if (!read_transports(node, transports, context)) return false;
  if (transports.empty()) return true;
  server.takes_tcp = transports.size() > 1;
  server.transport = server.takes_tcp ? sip::Transport::Udp : transports.front();
  return true;
}

// An empty list: no code is meant.
template <class Options>
Value<Options> codes(std::vector<uint16_t> Options::*member, std::string_view key,
                     size_t count_max) {
  constexpr uint64_t kLowest = 300;
  constexpr uint64_t kHighest = 699;
  const std::string codes =
      "codes from " + std::to_string(kLowest) + " to " + std::to_string(kHighest);
  return {"a list of up to " + std::to_string(count_max) + " " + codes,
          [=](const YamlNode& node, Options& options, const ReadContext& context) {
            if (node.kind != YamlNode::Kind::List || node.items.size() > count_max) return false;
            std::vector<uint16_t>& values = options.*member;
            values.clear();
            for (const YamlNode& item : node.items) {
              if (item.kind == YamlNode::Kind::Broken) continue;
              const auto code = item.kind == YamlNode::Kind::Plain
                                    ? within(parse_number(item.text), kLowest, kHighest)
                                    : std::nullopt;
              if (!code) {
                refuse_value(key, codes, item, context.faults);
              } else if (std::find(values.begin(), values.end(), *code) != values.end()) {
                context.faults.add(item.place, "code " + item.text + " is repeated");
              } else {
                values.push_back(static_cast<uint16_t>(*code));
              }
            }
            return true;
          }};
}

// Methods that ask a question, and neither begin a dialog nor belong to one.
Value<HealthOptions> probe_method() {
  std::vector<std::pair<std::string_view, sip::Method>> words;
  for (const sip::Method method :
       {sip::Method::Options, sip::Method::Info, sip::Method::Message, sip::Method::Register}) {
    words.emplace_back(sip::method_name(method), method);
  }
  return choice(&HealthOptions::method, std::move(words));
}

const KeyTable<HealthOptions>& health_keys() {
  constexpr uint64_t kInARowMax = balance::ServerHealth::kRiseMax;
  static const KeyTable<HealthOptions> table = {
      {"method", probe_method(), "OPTIONS"},
      {"interval", duration(&HealthOptions::interval, 100ms, 1h), "1s"},
      {"fast_interval", duration(&HealthOptions::fast_interval, 50ms, 1h),
       "500ms, or interval if that is shorter"},
      {"timeout", duration(&HealthOptions::timeout, 50ms, 32s), "500ms"},
      {"rise", number(&HealthOptions::rise, 1, kInARowMax), "2"},
      {"fall", number(&HealthOptions::fall, 1, kInARowMax), "3"},
      {"source",
       choice<HealthOptions, ProbeSource>(
           &HealthOptions::source,
           {{"own", ProbeSource::Own}, {"listener", ProbeSource::Listener}}),
       "own"},
      {"down", codes(&HealthOptions::down, "down", balance::kHealthDownMax), "[]"},
      {"retry_after_max", duration(&HealthOptions::retry_after_max, 0ms, 5min), "5s"},
  };
  return table;
}

// A server's keys stand in for the group's one by one; those of who is watched again as well.
template <class Owner>
bool read_health(const YamlNode& node, Owner& owner, const ReadContext& context) {
  owner.health.is_watched = !node.is_text() || node.text != "off";
  return !owner.health.is_watched || read_section(node, health_keys(), owner.health, context);
}

const KeyTable<ServerOptions>& server_keys() {
  // What the URI says of the transport gives way to the list, so they are read in this order.
  static const KeyTable<ServerOptions> table = {
      {"name", name(&ServerOptions::name), kRequired},
      {"uri",
       {"a URI: sip:192.0.2.1 or sip:pbx.example.com, with port and ;transport if need be",
        read_server_uri},
       kRequired},
      {"transports", {std::string(kTransportList), read_server_transports}, "as the URI says"},
      {"weight", number(&ServerOptions::weight, 0, balance::kWeightMax), "100"},
      {"priority", number(&ServerOptions::priority, 0, std::numeric_limits<uint8_t>::max()), "0"},
      {"sources", networks(&ServerOptions::sources, transport::kNetworksMax), "none"},
      {"max_calls", number(&ServerOptions::max_calls, 0, balance::kCallsOfServerMax), "0"},
      {"max_inflight", number(&ServerOptions::max_inflight, 0, balance::kInflightOfServerMax), "0"},
      {"health",
       {"off or a map of the group's health keys", read_health<ServerOptions>},
       "the group's"},
      {"tls", not_yet<ServerOptions>(), ""},
  };
  return table;
}

const KeyTable<FailoverOptions>& failover_keys() {
  static const KeyTable<FailoverOptions> table = {
      {"first_response_timeout", duration(&FailoverOptions::first_response_timeout, 100ms, 32s),
       "1s"},
      {"max_attempts", number(&FailoverOptions::max_attempts, 1, balance::kAttemptsMax), "3"},
      {"codes", codes(&FailoverOptions::codes, "codes", balance::kFailoverCodesMax), "[503]"},
      {"budget", number(&FailoverOptions::budget_percent, 0, 100), "20"},
      {"late_2xx",
       choice<FailoverOptions, Late2xx>(
           &FailoverOptions::late_2xx,
           {{"forward", Late2xx::Forward}, {"release", Late2xx::Release}}),
       "forward"},
  };
  return table;
}

bool read_group_listener(const YamlNode& node, GroupOptions& group, const ReadContext& context) {
  if (!node.is_text()) return false;
  if (const auto index = find_listener(node, context)) {
    group.listener = static_cast<uint8_t>(*index);
  }
  return true;
}

ServerOptions server_of(const GroupOptions& group) {
  ServerOptions server;
  server.health = group.health;
  return server;
}

}  // namespace

const KeyTable<GroupOptions>& group_keys() {
  // A server's health begins as its group's, so they are read in this order.
  static const KeyTable<GroupOptions> table = {
      {"name", name(&GroupOptions::name), kRequired},
      {"policy",
       choice<GroupOptions, Policy>(&GroupOptions::policy, {{"maglev", Policy::Maglev},
                                                            {"round-robin", Policy::RoundRobin},
                                                            {"random", Policy::Random},
                                                            {"least-load", Policy::LeastLoad},
                                                            {"least-calls", Policy::LeastCalls}}),
       "maglev"},
      {"hash_key", parsed(&GroupOptions::hash_key, std::string(kHashKeys), parse_hash_key),
       "call-id, but to-user for REGISTER, SUBSCRIBE and PUBLISH"},
      {"record_route", flag(&GroupOptions::record_route), "true"},
      {"tokenless_dialogs", flag(&GroupOptions::tokenless_dialogs), "true"},
      {"failover", section(&GroupOptions::failover, failover_keys()), ""},
      {"health", {"off or a map", read_health<GroupOptions>, reference_of(health_keys())}, ""},
      {"slow_start", duration(&GroupOptions::slow_start, 0ms, 1h), "10s"},
      {"panic_below", number(&GroupOptions::panic_below, 0, 100), "0"},
      {"listener",
       {"a listener's name", read_group_listener},
       "for each server, one of its family and transport"},
      {"targets", networks(&GroupOptions::targets, balance::kTargetsMax), "none"},
      {"servers", list(&GroupOptions::servers, server_keys(), balance::kServersMax, server_of),
       kRequired},
      {"trusted_transport", not_yet<GroupOptions>(), ""},
  };
  return table;
}

}  // namespace siplb::config
