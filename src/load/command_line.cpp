#include "load/command_line.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "load/faults.h"
#include "load/stream_lane.h"

namespace siplb::load {

namespace {

// Memory for calls that an open loop has in flight, where the other side leaves all unanswered.
constexpr double kPatienceSeconds = 32;
constexpr uint32_t kCallsMaxDefault = 262144;

const std::map<std::string, sip::Transport>& transports() {
  static const std::map<std::string, sip::Transport> transports{{"udp", sip::Transport::Udp},
                                                                {"tcp", sip::Transport::Tcp}};
  return transports;
}

const std::map<std::string, Work>& works() {
  static const std::map<std::string, Work> works{
      {"call", Work::Call}, {"options", Work::Options}, {"register", Work::Register}};
  return works;
}

struct CallTexts {
  std::string to;
  std::string from;
  std::string duration;
  std::string hold = "0s";
  std::string mix = "call";
  std::string cancel_after;
  double cancel_percent = 0;
  double loss_percent = 0;
  std::string transport = "udp";
  bool connection_per_call = false;
  uint32_t slots = 0;
  bool outbound = false;
  bool progress = false;
  bool table = false;
};

struct ServeTexts {
  std::vector<std::string> listen;
  size_t count = 1;
  std::string ring = "0s";
  std::string delay;
  std::string service;
  double drop = 0;
  double reject = 0;
  double capacity = 0;
  double loss_percent = 0;
  bool silent = false;
  std::string transport = "udp";
  Reading reading;
  std::vector<std::string> faults;
  std::string duration;
};

Duration duration_of(const std::string& option, const std::string& text) {
  if (text.empty()) return Duration::zero();
  const std::optional<Duration> duration = parse_duration(text);
  if (!duration) throw CLI::ValidationError(option, text + " is no duration (500ms, 5s, 2m)");
  return *duration;
}

SockAddress address_of(const std::string& option, const std::string& text) {
  const std::optional<SockAddress> address = SockAddress::parse(text);
  if (!address) throw CLI::ValidationError(option, text + " is no address (192.0.2.1:5060)");
  return *address;
}

void add_transport(CLI::App& app, std::string& transport, Reading& reading) {
  app.add_option("--transport", transport, "udp (default) or tcp")
      ->check(CLI::IsMember(transports()));
  app.add_option("--slow-read", reading.octets_per_second,
                 "Octets a second that each connection is read by, at most")
      ->check(CLI::Range(1.0, 1e9));
}

void add_connection_options(CLI::App& app, CallCommand& command, CallTexts& texts) {
  add_transport(app, texts.transport, command.reading);
  CLI::Option* connections = app.add_option("--connections", command.caller.connections,
                                            "Connections that the calls take turns on (default 1)")
                                 ->check(CLI::Range(size_t{1}, StreamLane::kConnectionsMax));
  app.add_flag("--connection-per-call", texts.connection_per_call, "A connection for each call")
      ->excludes(connections);
  app.add_option("--stuck", command.stuck_count, "So many of the connections are never read")
      ->check(CLI::Range(size_t{1}, StreamLane::kConnectionsMax))
      ->needs(connections);
}

void add_call_options(CLI::App& app, CallCommand& command, CallTexts& texts) {
  CallerOptions& caller = command.caller;
  app.add_option("--to", texts.to, "Address to call, such as 192.0.2.1:5060")->required();
  CLI::Option* rate = app.add_option("--rate", caller.pace.rate,
                                     "Open loop: calls a second, whatever becomes of them")
                          ->check(CLI::Range(0.001, 1e7));
  app.add_option("--window", caller.pace.window, "Closed loop: calls in flight (default 1)")
      ->check(CLI::Range(1, 262144))
      ->excludes(rate);
  app.add_option("--calls", caller.pace.calls_max, "Calls in all (default: no limit)")
      ->check(CLI::Range(uint64_t{1}, uint64_t{UINT32_MAX}));
  app.add_option("--duration", texts.duration, "Start no call after this time");
  app.add_option("--mix", texts.mix, "What to send (default call)")->check(CLI::IsMember(works()));
  app.add_option("--hold", texts.hold, "From answer to BYE");
  CLI::Option* cancel = app.add_option("--cancel", texts.cancel_percent,
                                       "Percent of ringing calls that are cancelled")
                            ->check(CLI::Range(0.0, 100.0));
  app.add_option("--cancel-after", texts.cancel_after,
                 "From the first provisional response to the CANCEL (default 0s)")
      ->needs(cancel);
  app.add_option("--loss", texts.loss_percent, "Percent of datagrams lost on purpose, each way")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--sources", command.source_count, "Sockets to send from, each with its port")
      ->check(CLI::Range(size_t{1}, kSourcesMax));
  app.add_option("--from", texts.from, "Address to send from (default: as the routes say)");
  add_connection_options(app, command, texts);
  app.add_flag("--outbound", texts.outbound, "Send in-dialog requests to --to as well");
  app.add_option("--slots", texts.slots, "Calls at a time that there is memory for")
      ->check(CLI::Range(1U, 4 * kCallsMaxDefault));
  app.add_option("--seed", command.seed,
                 "Decides Call-IDs, tags, branches and losses (default: random)");
  app.add_flag("--json", command.json, "End with one JSON object on standard output");
  CLI::Option* table = app.add_flag("--table", texts.table, "A row each second");
  app.add_flag("--progress", texts.progress, "A line each second, written over")->excludes(table);
}

void add_serve_options(CLI::App& app, ServeCommand& command, ServeTexts& texts) {
  app.add_option("--listen", texts.listen, "Address of a server; port 0: any")->required();
  app.add_option("--count", texts.count, "Servers per --listen, on ports in a row")
      ->check(CLI::Range(size_t{1}, kServersMax));
  app.add_option("--ring", texts.ring, "From 180 to 200; off: no 180");
  app.add_option("--delay", texts.delay, "Time before any answer");
  app.add_option("--service", texts.service,
                 "Time that a call takes of its server, one after the other");
  app.add_option("--drop", texts.drop, "Share of messages lost on arrival")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--reject-503", texts.reject, "Share of calls answered 503")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--silent", texts.silent, "Answer nothing");
  app.add_option("--capacity", texts.capacity, "Calls a second of each server; 503 above it")
      ->check(CLI::Range(0.0, 1e9));
  add_transport(app, texts.transport, texts.reading);
  app.add_flag("--stuck", texts.reading.stuck, "Read no connection");
  app.add_option("--reset-every", texts.reading.reset_every,
                 "Messages after which each connection is reset")
      ->check(CLI::Range(1.0, 1e9));
  app.add_option(
      "--fault", texts.faults,
      "Of one server, or all: s2:silent, s3:delay=1500ms, all:late=1500ms, s2:service=20ms, "
      "s1:503=0.2, "
      "s1:drop=0.05, s4:capacity=100, s2:duplicate, s2:ring=5s, s2:no-100, s2:stuck, "
      "s2:slow-read=1000, s2:reset-every=50");
  app.add_option("--loss", texts.loss_percent, "Percent of datagrams lost on purpose, each way")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--seed", command.answerer.seed, "Decides what the shares hit");
  app.add_option("--duration", texts.duration, "End after this time (default: at a signal)");
  app.add_flag("--json", command.json, "Print addresses and totals as JSON");
}

bool reads_badly(const Reading& reading) {
  return reading.stuck || reading.octets_per_second > 0 || reading.reset_every > 0;
}

struct TransportUse {
  sip::Transport transport;
  bool has_connection_options;
  double loss_percent;
};

void check_transport(const TransportUse& use) {
  if (use.transport == sip::Transport::Udp && use.has_connection_options) {
    throw CLI::ValidationError("--transport", "only tcp has connections");
  }
  if (use.transport != sip::Transport::Udp && use.loss_percent > 0) {
    throw CLI::ValidationError("--loss", "tcp loses nothing");
  }
}

void finish_transport(CallCommand& command, const CallTexts& texts) {
  CallerOptions& caller = command.caller;
  caller.transport = transports().at(texts.transport);
  if (texts.connection_per_call) caller.sharing = Sharing::PerCall;
  if (command.stuck_count > caller.connections) {
    throw CLI::ValidationError("--stuck", "there are not so many connections");
  }
  check_transport({.transport = caller.transport,
                   .has_connection_options = texts.connection_per_call || caller.connections > 1 ||
                                             command.stuck_count > 0 ||
                                             reads_badly(command.reading),
                   .loss_percent = texts.loss_percent});
}

void finish(CallCommand& command, const CallTexts& texts) {
  finish_transport(command, texts);
  CallerOptions& caller = command.caller;
  caller.target = address_of("--to", texts.to);
  if (caller.target.port() == 0 || caller.target.is_wildcard()) {
    throw CLI::ValidationError("--to", texts.to + " cannot be called");
  }
  if (!texts.from.empty()) {
    command.from = address_of("--from", texts.from);
    if (command.from->family() != caller.target.family() || command.from->is_wildcard()) {
      throw CLI::ValidationError("--from", texts.from + " cannot reach " + texts.to);
    }
    if (command.from->port() != 0 && command.source_count > 1) {
      throw CLI::ValidationError("--from", "several sources need port 0");
    }
  }
  caller.work = works().at(texts.mix);
  caller.pace.duration = duration_of("--duration", texts.duration);
  caller.hold = duration_of("--hold", texts.hold);
  caller.cancel_share = texts.cancel_percent / 100;
  caller.cancel_after = duration_of("--cancel-after", texts.cancel_after);
  if (caller.cancel_share > 0 && caller.work != Work::Call) {
    throw CLI::ValidationError("--cancel", "only calls can be cancelled");
  }
  command.loss = texts.loss_percent / 100;
  if (texts.outbound) caller.in_dialog = NextHop::Target;
  if (caller.pace.rate <= 0 && caller.pace.window == 0) caller.pace.window = 1;
  if (texts.slots != 0) {
    caller.calls_max = std::max(texts.slots, caller.pace.window);
  } else if (caller.pace.window != 0) {
    caller.calls_max = caller.pace.window;
  } else {
    const double hold_seconds = std::chrono::duration<double>(caller.hold).count();
    const double wanted = std::ceil(caller.pace.rate * (hold_seconds + kPatienceSeconds));
    caller.calls_max = static_cast<uint32_t>(std::min<double>(wanted, kCallsMaxDefault));
  }
  if (texts.table) command.display = Display::Table;
  if (texts.progress) command.display = Display::Progress;
}

// "s2:delay=1s": the server's name, or "all", then the fault.
void apply_server_fault(const std::string& text, std::vector<ServerOptions>& servers) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string fault = colon == std::string::npos ? "" : text.substr(colon + 1);
  bool is_known = false;
  for (ServerOptions& server : servers) {
    if (name != server.name && name != "all") continue;
    is_known = true;
    if (!apply_fault(fault, server.faults)) {
      throw CLI::ValidationError(
          "--fault", text +
                         " is none of silent, duplicate, no-100, delay=TIME, late=TIME, "
                         "service=TIME, ring=TIME, drop=SHARE, 503=SHARE, capacity=RATE, stuck, "
                         "slow-read=OCTETS, "
                         "reset-every=MESSAGES");
    }
  }
  if (!is_known) throw CLI::ValidationError("--fault", "there is no server " + name);
}

void finish(ServeCommand& command, const ServeTexts& texts) {
  Faults faults{.silent = texts.silent,
                .delay = duration_of("--delay", texts.delay),
                .service = duration_of("--service", texts.service),
                .drop = texts.drop,
                .reject = texts.reject,
                .capacity = texts.capacity,
                .reading = texts.reading};
  for (const std::string& text : texts.listen) {
    const SockAddress first = address_of("--listen", text);
    if (first.is_wildcard()) throw CLI::ValidationError("--listen", "a server needs its address");
    if (first.port() != 0 && first.port() + texts.count - 1 > UINT16_MAX) {
      throw CLI::ValidationError("--count", "there are not so many ports");
    }
    for (size_t i = 0; i < texts.count; ++i) {
      const size_t port = first.port() == 0 ? 0 : first.port() + i;
      const SockAddress address = first.with_port(static_cast<uint16_t>(port));
      const std::string name = "s" + std::to_string(command.listen.size() + 1);
      command.listen.push_back(address);
      command.answerer.servers.push_back({name, address, faults});
    }
  }
  if (command.listen.size() > kServersMax) {
    throw CLI::ValidationError("--listen", "at most " + std::to_string(kServersMax) + " servers");
  }
  for (const std::string& text : texts.faults) apply_server_fault(text, command.answerer.servers);
  const std::vector<ServerOptions>& servers = command.answerer.servers;
  command.answerer.transport = transports().at(texts.transport);
  check_transport({.transport = command.answerer.transport,
                   .has_connection_options = std::any_of(
                       servers.begin(), servers.end(),
                       [](const auto& each) { return reads_badly(each.faults.reading); }),
                   .loss_percent = texts.loss_percent});
  command.loss = texts.loss_percent / 100;
  command.answerer.ring.reset();
  if (texts.ring != "off") command.answerer.ring = duration_of("--ring", texts.ring);
  command.duration = duration_of("--duration", texts.duration);
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments, std::ostream& out,
                               std::ostream& errors) {
  CLI::App app("Places SIP calls, and answers them: a load generator and simulated servers.",
               "siplb-load");
  app.set_version_flag("--version", std::string("siplb-load ") + SIPLB_VERSION);
  app.require_subcommand(1);
  CallCommand call;
  CallTexts call_texts;
  CLI::App* call_app = app.add_subcommand("call", "Places calls and counts how they go");
  add_call_options(*call_app, call, call_texts);
  ServeCommand serve;
  ServeTexts serve_texts;
  CLI::App* serve_app = app.add_subcommand("serve", "Simulates SIP servers");
  add_serve_options(*serve_app, serve, serve_texts);

  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    if (call_app->parsed()) {
      finish(call, call_texts);
      return call;
    }
    finish(serve, serve_texts);
    return serve;
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, errors) == 0 ? kExitWell : kExitUsage;
  }
}

}  // namespace siplb::load
