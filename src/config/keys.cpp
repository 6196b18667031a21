#include "config/keys.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "config/lists.h"
#include "config/references.h"
#include "config/transports.h"
#include "config/values.h"
#include "sip/message.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::FailoverOptions;
using balance::GroupOptions;
using balance::Late2xx;
using balance::Policy;
using balance::ServerOptions;
using namespace std::chrono_literals;

// ---- global -----------------------------------------------------------------------------------

Value<GlobalOptions> path(std::string GlobalOptions::*member) {
  return {"a path, relative to this file's folder",
          [member](const YamlNode& node, GlobalOptions& options, const ReadContext& context) {
            if (!node.is_text() || node.text.empty()) return false;
            if (node.text.find('\0') != std::string::npos) return false;
            options.*member = (context.base_dir / node.text).lexically_normal().string();
            return true;
          }};
}

const KeyTable<LogOptions>& log_keys() {
  static const KeyTable<LogOptions> table = {
      {"level",
       choice<LogOptions, LogLevel>(&LogOptions::level, {{"debug", LogLevel::Debug},
                                                         {"info", LogLevel::Info},
                                                         {"warning", LogLevel::Warning},
                                                         {"error", LogLevel::Error}}),
       "info"},
      {"format",
       choice<LogOptions, LogFormat>(&LogOptions::format,
                                     {{"text", LogFormat::Text}, {"json", LogFormat::Json}}),
       "text"},
  };
  return table;
}

const KeyTable<GlobalOptions>& global_keys() {
  const auto is_worker_count = [](uint64_t n) { return n >= 1 && n <= kWorkersMax; };
  const auto is_lane_count = [](uint64_t n) { return std::has_single_bit(n) && n <= kLanesMax; };
  static const KeyTable<GlobalOptions> table = {
      {"workers",
       number_or_auto(&GlobalOptions::workers,
                      "auto or a number from 1 to " + std::to_string(kWorkersMax), is_worker_count),
       "auto"},
      {"lanes",
       number_or_auto(&GlobalOptions::lanes,
                      "auto or a power of two from 1 to " + std::to_string(kLanesMax),
                      is_lane_count),
       "auto"},
      {"memory", size(&GlobalOptions::memory_bytes, kMemoryBytesMin, kMemoryBytesMax), "512MiB"},
      {"key_file", path(&GlobalOptions::key_file), "$STATE_DIRECTORY/key or /var/lib/siplb/key"},
      {"token_life", duration(&GlobalOptions::token_life, 24h, 24h * 3650), "60d"},
      {"names",
       list_of(&GlobalOptions::names,
               {"a host without port", "hosts: names, IPv4 literals or [IPv6] ones", kOwnNamesMax},
               parse_host),
       "none"},
      {"log", section(&GlobalOptions::log, log_keys()), ""},
      {"key_file_previous", not_yet<GlobalOptions>(), ""},
      {"shutdown_grace", not_yet<GlobalOptions>(), ""},
  };
  return table;
}

// ---- groups -----------------------------------------------------------------------------------

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
  if (!address) return "host names are not yet supported: " + shown(uri.host);
  if (address->is_wildcard()) return "a wildcard address is no server's";
  return {};
}

bool read_server_uri(const YamlNode& node, ServerOptions& server, const ReadContext& context) {
  sip::Uri uri;
  if (!node.is_text() || !sip::parse_uri(node.text, uri)) return false;
  if (std::string fault = uri_fault(uri); !fault.empty()) {
    context.faults.add(node.place, std::move(fault));
    return true;
  }
  server.address = *uri.literal();
  server.transport = *uri_transport(uri);
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

const KeyTable<ServerOptions>& server_keys() {
  // What the URI says of the transport gives way to the list, so they are read in this order.
  static const KeyTable<ServerOptions> table = {
      {"name", name(&ServerOptions::name), kRequired},
      {"uri",
       {"a URI: sip:192.0.2.1, with port and ;transport=udp or ;transport=tcp if need be",
        read_server_uri},
       kRequired},
      {"transports", {std::string(kTransportList), read_server_transports}, "as the URI says"},
      {"weight", number(&ServerOptions::weight, 0, balance::kWeightMax), "100"},
      {"priority", number(&ServerOptions::priority, 0, std::numeric_limits<uint8_t>::max()), "0"},
      {"sources", networks(&ServerOptions::sources, transport::kNetworksMax), "none"},
      {"max_calls", not_yet<ServerOptions>(), ""},
      {"max_inflight", not_yet<ServerOptions>(), ""},
      {"tls", not_yet<ServerOptions>(), ""},
  };
  return table;
}

// An empty list: no answer is taken for a failure.
Value<FailoverOptions> failover_codes() {
  constexpr uint64_t kLowest = 300;
  constexpr uint64_t kHighest = 699;
  const std::string codes =
      "codes from " + std::to_string(kLowest) + " to " + std::to_string(kHighest);
  return {"a list of up to " + std::to_string(balance::kFailoverCodesMax) + " " + codes,
          [codes](const YamlNode& node, FailoverOptions& failover, const ReadContext& context) {
            if (node.kind != YamlNode::Kind::List) return false;
            if (node.items.size() > balance::kFailoverCodesMax) return false;
            failover.codes.clear();
            for (const YamlNode& item : node.items) {
              if (item.kind == YamlNode::Kind::Broken) continue;
              const auto code = item.kind == YamlNode::Kind::Plain
                                    ? within(parse_number(item.text), kLowest, kHighest)
                                    : std::nullopt;
              if (!code) {
                refuse_value("codes", codes, item, context.faults);
              } else if (std::find(failover.codes.begin(), failover.codes.end(), *code) !=
                         failover.codes.end()) {
                context.faults.add(item.place, "code " + item.text + " is repeated");
              } else {
                failover.codes.push_back(static_cast<uint16_t>(*code));
              }
            }
            return true;
          }};
}

const KeyTable<FailoverOptions>& failover_keys() {
  static const KeyTable<FailoverOptions> table = {
      {"first_response_timeout", duration(&FailoverOptions::first_response_timeout, 100ms, 32s),
       "1s"},
      {"max_attempts", number(&FailoverOptions::max_attempts, 1, balance::kAttemptsMax), "3"},
      {"codes", failover_codes(), "[503]"},
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

const KeyTable<GroupOptions>& group_keys() {
  static const KeyTable<GroupOptions> table = {
      {"name", name(&GroupOptions::name), kRequired},
      {"policy",
       choice<GroupOptions, Policy>(&GroupOptions::policy, {{"maglev", Policy::Maglev},
                                                            {"round-robin", Policy::RoundRobin},
                                                            {"random", Policy::Random},
                                                            {"least-load", std::nullopt},
                                                            {"least-calls", std::nullopt}}),
       "maglev"},
      {"hash_key", parsed(&GroupOptions::hash_key, std::string(kHashKeys), parse_hash_key),
       "call-id, but to-user for REGISTER, SUBSCRIBE and PUBLISH"},
      {"record_route", flag(&GroupOptions::record_route), "true"},
      {"tokenless_dialogs", flag(&GroupOptions::tokenless_dialogs), "true"},
      {"failover", section(&GroupOptions::failover, failover_keys()), ""},
      {"listener",
       {"a listener's name", read_group_listener},
       "for each server, one of its family and transport"},
      {"targets", networks(&GroupOptions::targets, balance::kTargetsMax), "none"},
      {"servers", list(&GroupOptions::servers, server_keys(), balance::kServersMax), kRequired},
      {"health", not_yet<GroupOptions>(), ""},
      {"slow_start", not_yet<GroupOptions>(), ""},
      {"panic_below", not_yet<GroupOptions>(), ""},
      {"trusted_transport", not_yet<GroupOptions>(), ""},
  };
  return table;
}

// ---- limits, timers, metrics ------------------------------------------------------------------

const KeyTable<LimitOptions>& limit_keys() {
  static const KeyTable<LimitOptions> table = {
      {"message_bytes", number(&LimitOptions::message_bytes, 512, sip::kMessageOctetsMax), "65535"},
      {"headers", number(&LimitOptions::headers, 8, sip::kHeadersMax), "128"},
      {"transactions", number(&LimitOptions::transactions, kTransactionsMin, kTransactionsMax),
       "what global.memory allows"},
      {"calls", number(&LimitOptions::calls, kCallsMin, kCallsMax), "what global.memory allows"},
      {"call_expiry", duration(&LimitOptions::call_expiry, 1min, 24h * 7), "4h"},
      {"socket_receive", size(&LimitOptions::socket_receive_bytes, 64 * kKiB, kGiB), "8MiB"},
      {"connections", number(&LimitOptions::connections, kConnectionsMin, kConnectionsMax),
       "20000, or what global.memory allows"},
      {"connections_per_source", number(&LimitOptions::connections_per_source, 1, kConnectionsMax),
       "1000"},
      {"connection_queue", number(&LimitOptions::connection_queue, 1, 65536), "256"},
      {"connection_queue_bytes", size(&LimitOptions::connection_queue_bytes, 4 * kKiB, 64 * kMiB),
       "256KiB"},
      {"tls_connections", not_yet<LimitOptions>(), ""},
  };
  return table;
}

const KeyTable<Configuration>& timer_keys() {
  using std::chrono::milliseconds;
  using transaction::TimerOptions;
  using transport::StreamTimers;
  const auto sip = [](Duration TimerOptions::*member, milliseconds lowest, milliseconds highest) {
    return of_part(&Configuration::timers, duration(member, lowest, highest));
  };
  const auto stream = [](Duration StreamTimers::*member, milliseconds lowest,
                         milliseconds highest) {
    return of_part(&Configuration::stream_timers, duration(member, lowest, highest));
  };
  static const KeyTable<Configuration> table = {
      {"t1", sip(&TimerOptions::t1, 50ms, 5s), "500ms"},
      {"t2", sip(&TimerOptions::t2, 50ms, 1min), "4s"},
      {"t4", sip(&TimerOptions::t4, 1s, 1min), "5s"},
      {"invite", sip(&TimerOptions::invite, 100ms, 5min), "32s"},
      {"non_invite", sip(&TimerOptions::non_invite, 100ms, 5min), "32s"},
      {"ringing", sip(&TimerOptions::ringing, 10s, 24h), "5m"},
      {"connect", stream(&StreamTimers::connect, 100ms, 5min), "3s"},
      {"first_octet", stream(&StreamTimers::first_octet, 100ms, 5min), "10s"},
      {"message", stream(&StreamTimers::message, 100ms, 5min), "10s"},
      {"idle", stream(&StreamTimers::idle, 1s, 24h * 7), "30m"},
      {"stalled", stream(&StreamTimers::stalled, 100ms, 5min), "10s"},
  };
  return table;
}

bool read_metrics_address(const YamlNode& node, MetricsOptions& metrics, const ReadContext&) {
  const auto address = node.is_text() ? SockAddress::parse(node.text) : std::nullopt;
  if (address) metrics.address = address;
  return address.has_value();
}

const KeyTable<MetricsOptions>& metrics_keys() {
  static const KeyTable<MetricsOptions> table = {
      {"address", {"an address with port: 127.0.0.1:9095", read_metrics_address}, "127.0.0.1:9095"},
  };
  return table;
}

bool read_metrics(const YamlNode& node, Configuration& configuration, const ReadContext& context) {
  if (node.kind == YamlNode::Kind::Plain && node.text == "off") {
    configuration.metrics.address.reset();
    return true;
  }
  return read_section(node, metrics_keys(), configuration.metrics, context);
}

}  // namespace

const KeyTable<Configuration>& configuration_keys() {
  // Groups name listeners, and routes both, so they are read in this order.
  static const KeyTable<Configuration> table = {
      {"global", section(&Configuration::global, global_keys()), ""},
      {"listeners", list(&Configuration::listeners, listener_keys(), transport::kListenersMax),
       kRequired},
      {"groups", list(&Configuration::groups, group_keys(), balance::kGroupsMax), kRequired},
      {"routes", list(&Configuration::routes, route_keys(), proxy::kRoutesMax),
       "with a single group: one route to it"},
      {"limits", section(&Configuration::limits, limit_keys()), ""},
      {"timers", section(timer_keys()), ""},
      {"metrics", {"off or a map", read_metrics, reference_of(metrics_keys())}, ""},
      {"overload", not_yet<Configuration>(), ""},
      {"admin", not_yet<Configuration>(), ""},
  };
  return table;
}

std::vector<KeyReference> key_reference() {
  return reference_of(configuration_keys());
}

}  // namespace siplb::config
