// siplbd as a whole: everything that runs, in the order in which it starts and ends (DESIGN 3, 10).
//
//   key -> call tables -> sockets of all listeners, in lane order -> control, which makes snapshot
//   and plan -> prober -> workers -> HTTP and admin sockets -> ready
//
// Thread: one, the supervisor: it starts the others, then only waits for signals.
#pragma once

#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/admin_api.h"
#include "app/admin_server.h"
#include "app/control.h"
#include "app/http_server.h"
#include "app/memory_budget.h"
#include "app/predecessor.h"
#include "app/reload.h"
#include "app/signals.h"
#include "app/start_fault.h"
#include "app/systemd.h"
#include "config/configuration.h"
#include "health/prober.h"
#include "observe/event_log.h"
#include "observe/metrics.h"
#include "proxy/worker.h"

namespace siplb::app {

// Where the configuration was read, and will be read again; and what was read.
struct ConfigurationFile {
  std::string path;
  std::string hash;
  std::string text;
  bool is_stale = false;  // what runs is not in it: it has faults
};

class Daemon {
 public:
  // Starts everything; when it returns, traffic flows. Requires: a configuration without faults,
  // signals blocked (signals.h), the log alive until the daemon is gone.
  [[nodiscard]] static StartResult<std::unique_ptr<Daemon>> start(
      const config::Configuration& configuration, const Sizing& sizing,
      const ConfigurationFile& file, Predecessor predecessor, observe::EventLog& log);
  // As stop(), but waits for HTTP as long as it takes.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Tells the service manager that siplbd is ready, and returns when a signal is to end it.
  void serve(const Signals& signals);
  // Whom verbs are asked of.
  [[nodiscard]] Control& control() { return *control_; }

  // Stops reading, sends what the queues hold, ends all threads. False where an HTTP client holds
  // its thread: then nothing may be destroyed, and the process should end as it is.
  [[nodiscard]] bool stop();

 private:
  Daemon(const config::Configuration& configuration, const Sizing& sizing, observe::EventLog& log);

  [[nodiscard]] StartResult<HashKey> load_key();
  [[nodiscard]] StartResult<Places> make_generation(
      const HashKey& key, const ConfigurationFile& file,
      std::span<const transport::ListenerSockets> listeners);
  [[nodiscard]] StartResult<void> make_request_names();
  [[nodiscard]] StartResult<void> make_control();
  [[nodiscard]] StartResult<void> make_prober();
  [[nodiscard]] size_t connections_by_descriptors();
  [[nodiscard]] StartResult<void> make_workers(std::span<transport::ListenerSockets> listeners);
  void make_reload(const ConfigurationFile& file, Places places);
  [[nodiscard]] StartResult<void> start_http();
  [[nodiscard]] StartResult<void> start_admin(const std::string& config_file);
  void start_threads();
  void start_control();
  void end_threads();
  void set_readiness(proxy::Admission admission);
  void report_http();

  const config::Configuration& configuration_;
  const Sizing sizing_;
  observe::EventLog& log_;
  const Instant started_at_;
  const Systemd systemd_;
  std::unique_ptr<RequestNames> request_names_;
  NodeIdentity node_;
  std::shared_ptr<const Generation> generation_;  // until `reload_` has it
  std::unique_ptr<Control> control_;
  std::unique_ptr<balance::LoadBoard> load_;
  std::unique_ptr<balance::CallCounts> calls_;
  std::unique_ptr<const CallTables> call_tables_;
  ProbeSockets probe_sockets_{transport::kListenersMax};
  std::unique_ptr<health::Prober> prober_;
  std::unique_ptr<transport::ConnectionCensus> census_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::unique_ptr<Reload> reload_;
  std::unique_ptr<observe::Metrics> metrics_;
  std::unique_ptr<HttpServer> http_;
  std::vector<std::unique_ptr<AdminServer>> admin_;
  std::unique_ptr<std::latch> all_have_run_;  // the workers
  std::vector<std::thread> threads_;
};

}  // namespace siplb::app
