// siplbd as a whole: everything that runs, in the order in which it starts and ends (DESIGN 3, 10).
//
//   key -> call tables -> sockets of all listeners, in lane order -> control, which makes snapshot
//   and plan -> prober -> workers -> HTTP and admin sockets -> ready
//
// Thread: one, the supervisor: it starts the others, then only waits for signals.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/admin_server.h"
#include "app/control.h"
#include "app/http_server.h"
#include "app/memory_budget.h"
#include "app/predecessor.h"
#include "app/start_fault.h"
#include "config/configuration.h"
#include "health/prober.h"
#include "observe/event_log.h"
#include "observe/metrics.h"
#include "proxy/worker.h"

namespace siplb::app {

class Daemon {
 public:
  // Starts everything; when it returns, traffic flows. Requires: a configuration without faults,
  // signals blocked (signals.h), the log alive until the daemon is gone.
  [[nodiscard]] static StartResult<std::unique_ptr<Daemon>> start(
      const config::Configuration& configuration, const Sizing& sizing, std::string config_hash,
      Predecessor predecessor, observe::EventLog& log);
  // As stop(), but waits for HTTP as long as it takes.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Stops reading, sends what the queues hold, ends all threads. False where an HTTP client holds
  // its thread: then nothing may be destroyed, and the process should end as it is.
  [[nodiscard]] bool stop();

 private:
  Daemon(const config::Configuration& configuration, const Sizing& sizing, observe::EventLog& log);

  [[nodiscard]] StartResult<HashKey> load_key();
  [[nodiscard]] StartResult<Control::MakeSnapshot> snapshot_maker(
      const HashKey& key, std::span<const transport::ListenerSockets> listeners);
  [[nodiscard]] StartResult<void> make_request_names();
  [[nodiscard]] StartResult<void> make_control(Control::MakeSnapshot make_snapshot);
  [[nodiscard]] StartResult<void> make_prober();
  [[nodiscard]] size_t connections_by_descriptors();
  [[nodiscard]] StartResult<void> make_workers(std::span<transport::ListenerSockets> listeners);
  [[nodiscard]] StartResult<void> start_http(std::string config_hash,
                                             std::span<const transport::ListenerSockets> listeners);
  [[nodiscard]] StartResult<void> start_admin();
  void start_threads();
  void start_control();
  void end_threads();
  void report_http();

  const config::Configuration& configuration_;
  const Sizing sizing_;
  observe::EventLog& log_;
  const Instant started_at_;
  std::unique_ptr<RequestNames> request_names_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<const proxy::Snapshot> names_;  // for metrics: servers and groups by place
  std::unique_ptr<balance::LoadBoard> load_;
  std::unique_ptr<balance::CallCounts> calls_;
  std::unique_ptr<const CallTables> call_tables_;
  std::vector<const net::UdpSocket*> probe_sockets_;  // by listener: lane 0's
  std::unique_ptr<health::Prober> prober_;
  std::unique_ptr<transport::ConnectionCensus> census_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::unique_ptr<observe::Metrics> metrics_;
  std::unique_ptr<HttpServer> http_;
  std::vector<std::unique_ptr<AdminServer>> admin_;
  std::vector<std::thread> threads_;
};

}  // namespace siplb::app
