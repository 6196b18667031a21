#include "config/keys.h"

#include <sys/un.h>

#include <bit>
#include <climits>

#include "config/lists.h"
#include "config/values.h"
#include "sip/message.h"

namespace siplb::config {
namespace {

using namespace std::chrono_literals;

// A file, by its absolute path.
template <class Options, class Path>
Value<Options> path(Path Options::*member, size_t length_max) {
  return {"a path, relative to this file's folder",
          [=](const YamlNode& node, Options& options, const ReadContext& context) {
            if (!node.is_text() || node.text.empty()) return false;
            if (node.text.find('\0') != std::string::npos) return false;
            std::string whole = (context.base_dir / node.text).lexically_normal().string();
            if (whole.size() > length_max) {
              context.faults.add(node.place, "longer than " + std::to_string(length_max) +
                                                 " octets as a whole: " + shown(whole));
            }
            options.*member = std::move(whole);
            return true;
          }};
}

// ---- global -----------------------------------------------------------------------------------

const KeyTable<LogOptions>& log_keys() {
  static const KeyTable<LogOptions> table = {
      {"level",
       choice<LogOptions, LogLevel>(&LogOptions::level, {{"debug", LogLevel::Debug},
                                                         {"info", LogLevel::Info},
                                                         {"warning", LogLevel::Warning},
                                                         {"error", LogLevel::Error}}),
       "info"},
      {"format",
       choice<LogOptions, LogFormat>(
           &LogOptions::format,
           {{"auto", LogFormat::Auto}, {"text", LogFormat::Text}, {"json", LogFormat::Json}}),
       "auto"},
      {"calls", flag(&LogOptions::calls), "false"},
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
      {"key_file", path(&GlobalOptions::key_file, PATH_MAX - 1),
       "$STATE_DIRECTORY/key or /var/lib/siplb/key"},
      {"token_life", duration(&GlobalOptions::token_life, 24h, 24h * 3650), "60d"},
      {"shutdown_grace", duration(&GlobalOptions::shutdown_grace, 10ms, 5s), "500ms"},
      {"self_probe", duration_or_off(&GlobalOptions::self_probe, 100ms, 1h), "1s"},
      {"names",
       list_of(&GlobalOptions::names,
               {"a host without port", "hosts: names, IPv4 literals or [IPv6] ones", kOwnNamesMax},
               parse_host),
       "none"},
      {"nameservers",
       list_of(&GlobalOptions::nameservers,
               {"an address of one host", "addresses with or without port", kNameserversMax},
               parse_nameserver),
       "those of /etc/resolv.conf"},
      {"log", section(&GlobalOptions::log, log_keys()), ""},
      {"key_file_previous", not_yet<GlobalOptions>(), ""},
  };
  return table;
}

// ---- limits, timers, metrics, admin ------------------------------------------------------------

const KeyTable<LimitOptions>& limit_keys() {
  static const KeyTable<LimitOptions> table = {
      {"message_bytes", number(&LimitOptions::message_bytes, 512, sip::kMessageOctetsMax), "65535"},
      {"headers", number(&LimitOptions::headers, 8, sip::kHeadersMax), "128"},
      {"transactions", number(&LimitOptions::transactions, kTransactionsMin, kTransactionsMax),
       "what global.memory allows"},
      {"calls", number(&LimitOptions::calls, kCallsMin, kCallsMax), "what global.memory allows"},
      {"servers", number(&LimitOptions::servers, 1, balance::kServersMax),
       "twice as many as there are, and 64 more"},
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
  if (node.is_text() && node.text == "off") {
    configuration.metrics.address.reset();
    return true;
  }
  return read_section(node, metrics_keys(), configuration.metrics, context);
}

const KeyTable<AdminOptions>& admin_keys() {
  constexpr size_t kLengthMax = sizeof(sockaddr_un::sun_path) - 1;
  static const KeyTable<AdminOptions> table = {
      {"socket", path(&AdminOptions::socket, kLengthMax), "$RUNTIME_DIRECTORY/admin.sock or none"},
      {"read_socket", path(&AdminOptions::read_socket, kLengthMax),
       "$RUNTIME_DIRECTORY/read.sock or none"},
  };
  return table;
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
      {"admin", section(&Configuration::admin, admin_keys()), ""},
      {"overload", not_yet<Configuration>(), ""},
  };
  return table;
}

std::vector<KeyReference> key_reference() {
  return reference_of(configuration_keys());
}

}  // namespace siplb::config
