#include "load/run.h"

#include <cerrno>
#include <ostream>

#include "base/random.h"
#include "load/lossy_path.h"
#include "load/report.h"
#include "load/stop_signals.h"
#include "load/stream_lane.h"
#include "load/udp_lane.h"
#include "net/local_address.h"

namespace siplb::load {

namespace {

constexpr Duration kDisplayInterval = std::chrono::seconds(1);

int fail(const Streams& streams, const Error& error) {
  streams.errors << "siplb-load: " << describe(error) << "\n";
  return kExitFailed;
}

// The lane that `transport` needs, and which reads streams as `streams` says.
Result<std::unique_ptr<Lane>> open_lane(sip::Transport transport,
                                        const StreamLaneOptions& streams) {
  const auto as_lane = [](auto&& opened) -> Result<std::unique_ptr<Lane>> {
    if (!opened) return tl::unexpected(opened.error());
    return std::move(*opened);
  };
  return transport == sip::Transport::Udp ? as_lane(UdpLane::open(streams.addresses))
                                          : as_lane(StreamLane::open(streams));
}

Result<std::unique_ptr<Lane>> open_lane(const CallCommand& command, const SockAddress& from) {
  return open_lane(command.caller.transport,
                   {.addresses = std::vector<SockAddress>(command.source_count, from),
                    .accepted = std::vector<Reading>(command.source_count, command.reading),
                    .opened = command.reading,
                    .stuck_count = command.stuck_count});
}

Result<std::unique_ptr<Lane>> open_lane(const ServeCommand& command) {
  StreamLaneOptions options{.addresses = command.listen};
  for (const ServerOptions& server : command.answerer.servers) {
    options.accepted.push_back(server.faults.reading);
  }
  return open_lane(command.answerer.transport, options);
}

// Shows each second how the calls are going.
class CallDisplay {
 public:
  CallDisplay(Display display, const Streams& streams, Instant start)
      : display_(display), streams_(streams), start_(start), next_(start + kDisplayInterval) {
    if (display_ == Display::Table) streams_.out << CallTable::heading() << std::endl;
  }

  [[nodiscard]] std::optional<Instant> next() const {
    if (display_ == Display::Quiet) return std::nullopt;
    return next_;
  }

  void on_tick(Caller& caller, uint32_t seed, Instant now) {
    if (display_ == Display::Quiet || now < next_) return;
    const std::string row = table_.row({caller.stats(), seed, now - start_, {}});
    caller.clear_recent();
    if (display_ == Display::Table) {
      streams_.out << row << std::endl;
    } else {
      streams_.errors << "\r\033[K" << row << std::flush;
    }
    next_ = std::max(next_ + kDisplayInterval, now);
  }

  // Leaves the line that was written over.
  void end() {
    if (display_ == Display::Progress) streams_.errors << "\n";
  }

 private:
  const Display display_;
  const Streams& streams_;
  const Instant start_;
  Instant next_;
  CallTable table_;
};

Display choose_display(const CallCommand& command, const Streams& streams) {
  if (command.display) return *command.display;
  return streams.is_terminal && !command.json ? Display::Progress : Display::Quiet;
}

// Places the calls until all have ended, and returns how long that took.
Duration place_calls(Lane& lane, Caller& caller, const StopSignals& signals, CallDisplay& display,
                     uint32_t seed) {
  const Instant start = lane.loop().now();
  Instant now = start;
  while (!caller.is_done(now) && signals.count() < 2) {
    now = lane.tick(caller, earlier(caller.next_deadline(now), display.next()));
    if (signals.count() > 0) caller.stop();
    display.on_tick(caller, seed, now);
  }
  return now - start;
}

}  // namespace

int run_call(const CallCommand& command, const Streams& streams) {
  const SockAddress from =
      command.from ? *command.from : net::source_towards(command.caller.target);
  if (from.family() == SockAddress::Family::None) {
    return fail(streams, {ErrorCode::SocketName, errno});
  }
  auto lane = open_lane(command, from);
  if (!lane) return fail(streams, lane.error());
  auto signals = StopSignals::watch((*lane)->loop());
  if (!signals) return fail(streams, signals.error());
  const Result<uint32_t> random = random_u32();
  if (!random) return fail(streams, random.error());

  CallerOptions options = command.caller;
  options.sources = (*lane)->addresses();
  options.seed = command.seed.value_or(*random);
  const Instant start = (*lane)->loop().wait(Instant{});
  LossyWire wire((*lane)->wire(), command.loss, options.seed);
  auto caller = Caller::create(options, wire, start);
  if (!caller) return fail(streams, caller.error());
  LossyReceiver receiver(**caller, command.loss, uint64_t{options.seed} + 1);
  const Result<void> started = (*lane)->start(receiver);
  if (!started) return fail(streams, started.error());

  CallDisplay display(choose_display(command, streams), streams, start);
  const Duration elapsed = place_calls(**lane, **caller, **signals, display, options.seed);
  display.end();
  const CallRun run{
      (*caller)->stats(),
      options.seed,
      elapsed,
      {.sent = wire.lost(), .received = receiver.lost(), .kernel_drops = (*lane)->kernel_drops()},
      (*lane)->connections()};
  if (command.json) {
    streams.out << call_json(run) << std::endl;
  } else {
    streams.out << call_summary(run) << "seed       " << options.seed << std::endl;
  }
  return run.stats.all_well() ? kExitWell : kExitFailed;
}

int run_serve(const ServeCommand& command, const Streams& streams) {
  auto lane = open_lane(command);
  if (!lane) return fail(streams, lane.error());
  auto signals = StopSignals::watch((*lane)->loop());
  if (!signals) return fail(streams, signals.error());

  AnswererOptions options = command.answerer;
  for (size_t i = 0; i < options.servers.size(); ++i) {
    options.servers[i].address = (*lane)->addresses()[i];
  }
  Instant now = (*lane)->loop().wait(Instant{});
  LossyWire wire((*lane)->wire(), command.loss, options.seed);
  auto answerer = Answerer::create(options, wire, now);
  if (!answerer) return fail(streams, answerer.error());
  LossyReceiver receiver(**answerer, command.loss, options.seed + 1);
  const Result<void> started = (*lane)->start(receiver);
  if (!started) return fail(streams, started.error());
  streams.out << (command.json ? servers_json(**answerer) + "\n" : servers_text(**answerer))
              << std::flush;

  std::optional<Instant> end;
  if (command.duration > Duration::zero()) end = now + command.duration;
  while ((*signals)->count() == 0 && (!end || now < *end)) {
    now = (*lane)->tick(**answerer, earlier((*answerer)->next_deadline(), end));
  }
  const ServeRun run{
      **answerer,
      options.seed,
      {.sent = wire.lost(), .received = receiver.lost(), .kernel_drops = (*lane)->kernel_drops()},
      (*lane)->connections()};
  streams.out << (command.json ? serve_json(run) + "\n" : serve_summary(run)) << std::flush;
  bool has_stuck = true;
  for (size_t i = 0; i < (*answerer)->server_count(); ++i) {
    has_stuck = has_stuck && (*answerer)->stats(i).misroutes == 0;
  }
  return has_stuck ? kExitWell : kExitFailed;
}

}  // namespace siplb::load
