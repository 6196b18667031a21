#include "app/reload.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "app/changes.h"
#include "app/fixed_settings.h"
#include "app/listeners.h"
#include "app/log_options.h"
#include "app/usable_cores.h"
#include "config/load.h"

namespace siplb::app {
namespace {

using observe::LogLevel;
using proxy::ListenerTransport;
using transport::ListenerIndex;
using transport::ListenerOptions;

// How long the prober may take to its next turn, at each look.
constexpr std::chrono::milliseconds kLookPause{1};

std::string joined(const std::vector<std::string>& lines, std::string_view between) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text += between;
    text += line;
  }
  return text;
}

std::string text_of(const std::vector<config::Fault>& faults) {
  std::vector<std::string> lines;
  for (const config::Fault& fault : faults) lines.push_back(config::to_text(fault));
  return joined(lines, "\n");
}

tl::unexpected<Refusal> refuse_reload(Refusal::Kind kind, std::string text) {
  return tl::unexpected(Refusal{kind, std::move(text)});
}

// What `from` has and `to` has not. Both are arranged.
std::vector<ListenerTransport> without(std::span<const ListenerOptions> from,
                                       std::span<const ListenerOptions> to) {
  std::vector<ListenerTransport> missing;
  for (size_t i = 0; i < from.size(); ++i) {
    for (const sip::Transport transport : from[i].transports) {
      if (i < to.size() && to[i].has(transport)) continue;
      missing.push_back({static_cast<ListenerIndex>(i), transport});
    }
  }
  return missing;
}

uint16_t bit_of(size_t listener) {
  return static_cast<uint16_t>(1U << listener);
}

// The addresses that the listeners really have, and who steers, as far as that is new.
void note_bound(Generation& next, std::span<const transport::ListenerSockets> opened) {
  for (size_t i = 0; i < opened.size(); ++i) {
    const bool has_udp = !opened[i].by_lane.empty();
    if (!has_udp && opened[i].streams_by_lane.empty()) continue;
    next.bound[i] = opened[i].address;
    if (!has_udp) continue;
    next.steered = static_cast<uint16_t>(next.steered & ~bit_of(i));
    if (opened[i].steering) next.steered = static_cast<uint16_t>(next.steered | bit_of(i));
  }
}

}  // namespace

Reload::Reload(std::string file, Places places, std::shared_ptr<const Generation> running,
               const Parts& parts)
    : file_(std::move(file)),
      last_good_(LastGood::from_environment(file_)),
      places_(std::move(places)),
      running_(std::move(running)),
      parts_(parts) {}

Control::Answer<std::string> Reload::run(const ReloadOptions& options) {
  auto answer = attempt(options);
  (answer ? counters_.done : counters_.refused).add();
  counters_.is_stale.set(answer ? 0 : 1);
  log_result(options, answer);
  return answer;
}

void Reload::log_result(const ReloadOptions& options, const Control::Answer<std::string>& answer) {
  if (answer) {
    parts_.log.write(LogLevel::Info, "reloaded",
                     {{"origin", options.origin}, {"changes", *answer}});
  } else {
    parts_.log.write(LogLevel::Error, "reload refused",
                     {{"origin", options.origin}, {"reason", answer.error().text}});
  }
}

Control::Answer<std::string> Reload::attempt(const ReloadOptions& options) {
  config::LoadResult loaded = config::load_file(file_);
  if (!loaded.good()) return refuse_reload(Refusal::Kind::BadFile, text_of(loaded.faults));
  const config::Configuration& running = running_->configuration();
  const auto fixed = fixed_settings_changed(running, loaded.configuration, parts_.sizing);
  if (!fixed.empty()) {
    return refuse_reload(Refusal::Kind::NeedsRestart,
                         "needs a restart to change: " + joined(fixed, ", "));
  }
  if (auto fault = MemoryBudget(loaded.configuration, parts_.sizing).fault()) {
    return refuse_reload(Refusal::Kind::NeedsRestart, std::move(*fault));
  }
  // What it fits into now was sized by another file; a new process sizes everything by this one.
  const Sizing at_start = derive_sizing(loaded.configuration, usable_cores(), parts_.sizing.lanes);
  if (const auto fault = MemoryBudget(loaded.configuration, at_start).fault()) {
    return refuse_reload(Refusal::Kind::BadFile, "the next start would refuse it: " + *fault);
  }
  Places places = places_;
  auto arranged = places.arrange(std::move(loaded.configuration), Clock::now());
  if (!arranged) {
    return refuse_reload(Refusal::Kind::NeedsRestart, std::move(arranged.error()));
  }
  std::vector<std::string> lines = changes(running, arranged->configuration);
  if (lines.empty()) lines.emplace_back("nothing has changed");
  Generation next{.arranged = std::move(*arranged),
                  .hash = std::move(loaded.hash),
                  .bound = running_->bound,
                  .steered = running_->steered,
                  .routing = nullptr};
  if (auto taken = take(std::move(next), options); !taken) {
    return tl::unexpected(std::move(taken.error()));
  }
  places_ = std::move(places);
  keep(loaded.text);
  for (const config::Fault& warning : loaded.warnings) {
    lines.push_back("warning: " + config::to_text(warning));
  }
  return joined(lines, "\n");
}

void Reload::keep(std::string_view text) {
  if (last_good_.keep(text)) return;
  parts_.log.write(LogLevel::Warning, "configuration not kept",
                   {{"path", last_good_.path()}, {"reason", std::strerror(errno)}});
}

Control::Answer<void> Reload::take(Generation next, const ReloadOptions& options) {
  const auto& before = running_->configuration().listeners;
  const auto& after = next.configuration().listeners;
  const Listeners added = without(after, before);
  const Listeners removed = without(before, after);
  next.bound.resize(after.size());
  const std::vector<ListenerOptions> wanted = to_open(after, before, added);
  auto sockets = open(wanted, next.configuration().limits.socket_receive_bytes);
  if (!sockets) {
    return refuse_reload(Refusal::Kind::NotOpened,
                         sockets.error().subject + ": " + describe(sockets.error().error));
  }
  note_bound(next, *sockets);
  next.routing = std::make_shared<const proxy::Routing>(
      next.configuration().routes, parts_.sizing.workers, running_->routing.get());
  const std::vector<StoredSocket> to_keep = stored_sockets(wanted, *sockets);
  if (const auto handed = hand_out(*sockets); !handed) {
    take_back(added);
    return refuse_reload(Refusal::Kind::NotOpened, describe(handed.error()));
  }
  show_probe_sockets();

  const auto generation = std::make_shared<const Generation>(std::move(next));
  const auto adopted =
      parts_.control.adopt({.groups = generation->configuration().groups,
                            .make_snapshot = snapshot_maker(generation, parts_.node)},
                           options.state);
  if (!adopted) {
    take_back(added);
    return tl::unexpected(adopted.error());
  }
  perform([](proxy::Worker&) {});  // all go by the snapshot now
  perform([&](proxy::Worker& worker) {
    for (const ListenerTransport& each : added) worker.listen(each);
  });
  // The manager's copies would hold the port, and swallow what comes, while ours are closed.
  drop_stored(removed);
  take_back(removed);
  for (const StoredSocket& each : to_keep) {
    static_cast<void>(systemd_.keep(each.name, {&each.fd, 1}));
  }
  report_listening(wanted, *sockets, parts_.log);
  parts_.log.set_level(log_level(generation->configuration().global.log.level));
  running_ = generation;
  return {};
}

// The listeners with those transports only that are new; where a listener has another one already,
// at the address that it really has.
std::vector<ListenerOptions> Reload::to_open(std::span<const ListenerOptions> after,
                                             std::span<const ListenerOptions> before,
                                             const Listeners& added) const {
  std::vector<ListenerOptions> wanted(after.begin(), after.end());
  for (ListenerOptions& each : wanted) each.transports.clear();
  for (const ListenerTransport& each : added) {
    wanted[each.listener].transports.push_back(each.transport);
  }
  for (size_t i = 0; i < before.size(); ++i) {
    if (!before[i].has_left()) wanted[i].address = running_->bound[i];
  }
  return wanted;
}

// Those that are open already share their ports with the new ones.
StartResult<Reload::Sockets> Reload::open(std::span<const ListenerOptions> wanted,
                                          size_t receive_buffer_bytes) {
  std::vector<ListenerOptions> open = running_->configuration().listeners;
  for (size_t i = 0; i < open.size(); ++i) open[i].address = running_->bound[i];
  return open_listeners({.wanted = wanted,
                         .open = open,
                         .lanes = parts_.sizing.lanes,
                         .receive_buffer_bytes = static_cast<uint32_t>(receive_buffer_bytes)},
                        Sockets(wanted.size()), parts_.log);
}

void Reload::perform(const std::function<void(proxy::Worker&)>& task) {
  for (const auto& worker : parts_.workers) {
    worker->perform([&] { task(*worker); });
  }
}

// Each lane's to its worker.
Result<void> Reload::hand_out(Sockets& sockets) {
  Result<void> result;
  perform([&](proxy::Worker& worker) {
    for (size_t i = 0; i < sockets.size() && result; ++i) {
      result = worker.add_listener(static_cast<ListenerIndex>(i), sockets[i]);
    }
  });
  return result;
}

// Each socket stays until nobody sends by it any more: not even the prober. Where new ones share
// its port they then have their lanes' places in the order by which the kernel steers, since the
// last lane goes first.
void Reload::take_back(const Listeners& listeners) {
  using ByLane = std::vector<std::unique_ptr<net::Watched>>;
  std::vector<ByLane> removed;
  perform([&](proxy::Worker& worker) {
    for (const ListenerTransport& each : listeners) worker.drain_listener(each);
  });
  perform([](proxy::Worker&) {});  // what was for each other's lanes is there, and dealt with below
  for (const ListenerTransport& each : listeners) {
    ByLane& by_lane = removed.emplace_back(parts_.sizing.lanes);
    perform([&](proxy::Worker& worker) { worker.remove_listener(each, by_lane); });
  }
  while (!parts_.control.plans().is_seen_by_all()) std::this_thread::sleep_for(kLookPause);
  show_probe_sockets();
  for (ByLane& by_lane : removed) {
    while (!by_lane.empty()) by_lane.pop_back();
  }
}

// Requires: the prober goes by a plan that needs none of those that have changed.
void Reload::show_probe_sockets() {
  const transport::LaneSockets& lane = parts_.workers.front()->lane(0).sockets;
  for (size_t i = 0; i < parts_.probe_sockets.size(); ++i) {
    const net::UdpSocket* const socket = lane.socket(static_cast<ListenerIndex>(i));
    if (parts_.probe_sockets[i] != socket) parts_.probe_sockets[i] = socket;
  }
}

void Reload::drop_stored(const Listeners& listeners) {
  for (const ListenerTransport& each : listeners) {
    const std::string& name = running_->configuration().listeners[each.listener].name;
    for (size_t lane = parts_.sizing.lanes; lane-- > 0;) {
      systemd_.drop(transport::lane_socket_name({name, each.transport, lane}));
    }
  }
  if (!listeners.empty()) systemd_.settle();
}

}  // namespace siplb::app
