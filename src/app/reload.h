// A configuration takes the place of another while calls go on (DESIGN 10).
//
//   read and check -> refuse what can't change -> arrange -> open new sockets
//     -> workers can send by them -> snapshot and probe plan are published
//     -> once all workers go by it, they read the new sockets and give up the old ones
//     -> once the prober goes by it too, those are closed
//
// So no message comes by a listener that some worker does not know, and none is to be sent by one
// that has no socket. Whatever fails before the snapshot is published is undone: nothing has
// changed.
// Thread: one, the control thread; the counters from any. Bounds: one reload at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/control.h"
#include "app/generation.h"
#include "app/last_good.h"
#include "app/memory_budget.h"
#include "app/places.h"
#include "app/start_fault.h"
#include "app/systemd.h"
#include "observe/event_log.h"
#include "observe/metrics.h"
#include "proxy/worker.h"

namespace siplb::app {

// What probes with source: listener are sent by, by listener: lane 0's socket, null without UDP.
using ProbeSockets = std::vector<const net::UdpSocket*>;

class Reload {
 public:
  // All are borrowed.
  struct Parts {
    const Sizing& sizing;
    const NodeIdentity& node;
    Control& control;
    std::span<const std::unique_ptr<proxy::Worker>> workers;
    ProbeSockets& probe_sockets;
    observe::EventLog& log;
  };
  // `places` have arranged what runs.
  Reload(std::string file, Places places, std::shared_ptr<const Generation> running,
         const Parts& parts);

  // Reads the file and goes by it. What has changed, one thing in each line.
  [[nodiscard]] Control::Answer<std::string> run(const ReloadOptions& options);

  // What runs is not what the file says.
  void mark_stale() { counters_.is_stale.set(1); }
  // Keeps what runs for a start that finds the file bad; the log says when that failed.
  void keep(std::string_view text);

  [[nodiscard]] const observe::ReloadCounters& counters() const { return counters_; }

 private:
  using Listeners = std::vector<proxy::ListenerTransport>;
  using Sockets = std::vector<transport::ListenerSockets>;  // by listener

  [[nodiscard]] Control::Answer<std::string> attempt(const ReloadOptions& options);
  [[nodiscard]] Control::Answer<void> take(Generation next, const ReloadOptions& options);
  [[nodiscard]] std::vector<transport::ListenerOptions> to_open(
      std::span<const transport::ListenerOptions> after,
      std::span<const transport::ListenerOptions> before, const Listeners& added) const;
  [[nodiscard]] StartResult<Sockets> open(std::span<const transport::ListenerOptions> wanted,
                                          size_t receive_buffer_bytes);
  [[nodiscard]] Result<void> hand_out(Sockets& sockets);
  void take_back(const Listeners& listeners);
  void show_probe_sockets();
  void drop_stored(const Listeners& listeners);
  void perform(const std::function<void(proxy::Worker&)>& task);
  void log_result(const ReloadOptions& options, const Control::Answer<std::string>& answer);

  const std::string file_;
  const LastGood last_good_;
  Places places_;
  std::shared_ptr<const Generation> running_;
  const Parts parts_;
  const Systemd systemd_;
  observe::ReloadCounters counters_;
};

}  // namespace siplb::app
