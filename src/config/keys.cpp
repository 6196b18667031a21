#include "config/keys.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "config/values.h"
#include "sip/message.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::FailoverOptions;
using balance::GroupOptions;
using balance::HashKeyKind;
using balance::Late2xx;
using balance::Policy;
using balance::ServerOptions;
using transaction::TimerOptions;
using transport::ListenerOptions;
using transport::ListenerRole;
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
      {"log", section(&GlobalOptions::log, log_keys()), ""},
      {"names", not_yet<GlobalOptions>(), ""},
      {"key_file_previous", not_yet<GlobalOptions>(), ""},
      {"shutdown_grace", not_yet<GlobalOptions>(), ""},
  };
  return table;
}

// ---- listeners --------------------------------------------------------------------------------

bool read_listener_address(const YamlNode& node, ListenerOptions& listener,
                           const ReadContext& context) {
  const auto address = node.is_text() ? SockAddress::parse(node.text) : std::nullopt;
  if (!address) return false;
  if (address->is_wildcard()) {
    context.faults.add(node.place, "wildcard addresses are not yet supported");
    return true;
  }
  listener.address = *address;
  return true;
}

// Every listener speaks UDP for now, so there is nothing to keep.
bool read_transports(const YamlNode& node, ListenerOptions&, const ReadContext& context) {
  if (node.kind != YamlNode::Kind::List || node.items.empty()) return false;
  std::vector<std::string_view> seen;
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::Broken) continue;
    if (!item.is_text()) return false;
    if (std::find(seen.begin(), seen.end(), item.text) != seen.end()) {
      context.faults.add(item.place, "transport " + shown(item.text) + " is repeated");
    }
    seen.push_back(item.text);
    if (item.text == "udp") continue;
    if (item.text != "tcp" && item.text != "tls") return false;
    context.faults.add(item.place, shown(item.text) + " is not yet supported");
  }
  return true;
}

bool read_advertise(const YamlNode& node, ListenerOptions& listener, const ReadContext& context) {
  if (node.kind == YamlNode::Kind::List) {
    context.faults.add(node.place, "a list of 'advertise' is not yet supported");
    return true;
  }
  if (!node.is_text() || !is_sent_by(node.text)) return false;
  listener.advertise = {{.to = {}, .as = node.text}};
  return true;
}

const KeyTable<ListenerOptions>& listener_keys() {
  static const KeyTable<ListenerOptions> table = {
      {"name", name(&ListenerOptions::name), kRequired},
      {"address",
       {"an address with port: 192.0.2.1:5060 or [2001:db8::1]:5060", read_listener_address},
       kRequired},
      {"transports", {"a list of transports: udp", read_transports}, "[udp]"},
      {"role",
       choice<ListenerOptions, ListenerRole>(&ListenerOptions::role,
                                             {{"clients", ListenerRole::Clients},
                                              {"servers", ListenerRole::Servers},
                                              {"both", ListenerRole::Both}}),
       "both for a single listener, else clients"},
      {"advertise", {"a host with or without port", read_advertise}, "the address"},
      {"headers", not_yet<ListenerOptions>(), ""},
      {"tls", not_yet<ListenerOptions>(), ""},
      {"stun", not_yet<ListenerOptions>(), ""},
      {"sips", not_yet<ListenerOptions>(), ""},
  };
  return table;
}

// ---- groups -----------------------------------------------------------------------------------

// What keeps a well-formed URI from being a server's; empty where nothing does.
std::string uri_fault(const sip::Uri& uri) {
  if (uri.scheme == sip::Scheme::Sips) return "'sips' is not yet supported";
  if (uri.scheme != sip::Scheme::Sip) return "a server's URI starts with 'sip:'";
  if (uri.text.find('@') != std::string_view::npos) return "a server's URI has no user part";
  if (uri.text.find('?') != std::string_view::npos) return "a server's URI has no headers";
  if (!uri.params.empty() && !sip::equal_caseless(uri.params, "transport=udp")) {
    const std::string_view transport = uri.param("transport");
    for (const std::string_view later : {"tcp", "tls"}) {
      if (sip::equal_caseless(transport, later)) {
        return "transport " + shown(later) + " is not yet supported";
      }
    }
    return "a server's URI has no parameters but 'transport=udp'";
  }
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
  return true;
}

const KeyTable<ServerOptions>& server_keys() {
  static const KeyTable<ServerOptions> table = {
      {"name", name(&ServerOptions::name), kRequired},
      {"uri",
       {"a URI: sip:192.0.2.1, with port and ;transport=udp if need be", read_server_uri},
       kRequired},
      {"weight", number(&ServerOptions::weight, 0, balance::kWeightMax), "100"},
      {"priority", number(&ServerOptions::priority, 0, std::numeric_limits<uint8_t>::max()), "0"},
      {"max_calls", not_yet<ServerOptions>(), ""},
      {"max_inflight", not_yet<ServerOptions>(), ""},
      {"sources", not_yet<ServerOptions>(), ""},
      {"transports", not_yet<ServerOptions>(), ""},
      {"tls", not_yet<ServerOptions>(), ""},
  };
  return table;
}

bool read_hash_key(const YamlNode& node, GroupOptions& group, const ReadContext&) {
  static constexpr std::pair<std::string_view, HashKeyKind> kKinds[] = {
      {"call-id", HashKeyKind::CallId},     {"from-user", HashKeyKind::FromUser},
      {"to-user", HashKeyKind::ToUser},     {"request-user", HashKeyKind::RequestUser},
      {"source-ip", HashKeyKind::SourceIp},
  };
  if (!node.is_text()) return false;
  for (const auto& [word, kind] : kKinds) {
    if (node.text != word) continue;
    group.hash_key.kind = kind;
    return true;
  }
  constexpr std::string_view kHeaderPrefix = "header:";
  if (!node.text.starts_with(kHeaderPrefix)) return false;
  const std::string header = node.text.substr(kHeaderPrefix.size());
  if (!is_header_name(header)) return false;
  group.hash_key = {HashKeyKind::HeaderValue, header};
  return true;
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
      {"hash_key",
       {"call-id | from-user | to-user | request-user | source-ip | header:NAME", read_hash_key},
       "call-id, but to-user for REGISTER, SUBSCRIBE and PUBLISH"},
      {"record_route", flag(&GroupOptions::record_route), "true"},
      {"tokenless_dialogs", flag(&GroupOptions::tokenless_dialogs), "true"},
      {"failover", section(&GroupOptions::failover, failover_keys()), ""},
      {"servers", list(&GroupOptions::servers, server_keys(), balance::kServersMax), kRequired},
      {"listener", not_yet<GroupOptions>(), ""},
      {"health", not_yet<GroupOptions>(), ""},
      {"slow_start", not_yet<GroupOptions>(), ""},
      {"panic_below", not_yet<GroupOptions>(), ""},
      {"targets", not_yet<GroupOptions>(), ""},
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
      {"connections", not_yet<LimitOptions>(), ""},
      {"tls_connections", not_yet<LimitOptions>(), ""},
      {"connections_per_source", not_yet<LimitOptions>(), ""},
  };
  return table;
}

const KeyTable<TimerOptions>& timer_keys() {
  static const KeyTable<TimerOptions> table = {
      {"t1", duration(&TimerOptions::t1, 50ms, 5s), "500ms"},
      {"t2", duration(&TimerOptions::t2, 50ms, 1min), "4s"},
      {"t4", duration(&TimerOptions::t4, 1s, 1min), "5s"},
      {"invite", duration(&TimerOptions::invite, 100ms, 5min), "32s"},
      {"non_invite", duration(&TimerOptions::non_invite, 100ms, 5min), "32s"},
      {"ringing", duration(&TimerOptions::ringing, 10s, 24h), "5m"},
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
  // Routes name groups and listeners, so they are read after these.
  static const KeyTable<Configuration> table = {
      {"global", section(&Configuration::global, global_keys()), ""},
      {"listeners", list(&Configuration::listeners, listener_keys(), transport::kListenersMax),
       kRequired},
      {"groups", list(&Configuration::groups, group_keys(), balance::kGroupsMax), kRequired},
      {"routes", list(&Configuration::routes, route_keys(), proxy::kRoutesMax),
       "with a single group: one route to it"},
      {"limits", section(&Configuration::limits, limit_keys()), ""},
      {"timers", section(&Configuration::timers, timer_keys()), ""},
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
