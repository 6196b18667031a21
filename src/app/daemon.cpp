#include "app/daemon.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "app/kept_listeners.h"
#include "app/key_file.h"
#include "app/listeners.h"
#include "app/supervisor.h"
#include "app/usable_cores.h"
#include "base/random.h"
#include "config/derive.h"
#include "net/local_address.h"

namespace siplb::app {
namespace {

// Descriptors that are kept for what is not counted by its kind: epoll, logs, HTTP, admin.
constexpr size_t kDescriptorReserve = 64;

// What a scrape or a verb under way may take when everything else has ended.
constexpr std::chrono::milliseconds kHttpGrace{20};

// As ps and the log call threads.
constexpr const char* kProberName = "siplb-prober";
std::string worker_name(size_t index) {
  return "siplb-w" + std::to_string(index);
}

// A socket for each lane of each listener may be more than the soft limit that a shell gives.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The first words of the status line.
std::string_view status_words(proxy::Admission admission, const observe::ReloadCounters& reloads) {
  if (admission == proxy::Admission::DialogsOnly) return "draining";
  return reloads.is_stale.value() != 0 ? "serving the last good configuration" : "serving";
}

// A processor for each worker; empty where they cannot each have one of their own. Under a quota
// others share the processors, and all would crowd on the first ones.
std::vector<int> processors_for(size_t worker_count) {
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return {};
  std::vector<int> processors;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) processors.push_back(cpu);
  }
  const bool is_enough = worker_count <= processors.size() && usable_cores() >= processors.size();
  return is_enough ? processors : std::vector<int>();
}

// A worker that is not pinned works as well, only a little slower.
void pin(pthread_t thread, int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  pthread_setaffinity_np(thread, sizeof one, &one);
}

proxy::WorkerOptions worker_options(const config::Configuration& configuration,
                                    const Sizing& sizing, size_t index, uint32_t seed) {
  proxy::WorkerOptions options{.index = index,
                               .worker_count = sizing.workers,
                               .lane_count = sizing.lanes,
                               .moved_entries = sizing.moved_entries,
                               .contexts = sizing.contexts,
                               .timers = configuration.timers,
                               .slots = sizing.slots,
                               .held = sizing.held,
                               .sockets = sizing.sockets,
                               .streams = sizing.streams,
                               .unfinished = sizing.unfinished,
                               .mailbox = sizing.mailbox};
  options.affinity.call_life = configuration.limits.call_expiry;
  options.sockets.endpoint_seed = seed;
  return options;
}

}  // namespace

Daemon::Daemon(const config::Configuration& configuration, const Sizing& sizing,
               observe::EventLog& log)
    : configuration_(configuration), sizing_(sizing), log_(log), started_at_(Clock::now()) {}

Daemon::~Daemon() {
  end_threads();
}

bool Daemon::stop() {
  end_threads();
  const Instant end = Clock::now() + kHttpGrace;
  bool has_stopped = !http_ || http_->stop(kHttpGrace);
  for (const auto& admin : admin_) has_stopped = admin->stop(end - Clock::now()) && has_stopped;
  return has_stopped;
}

void Daemon::end_threads() {
  if (http_) http_->set_readiness(HttpServer::Readiness::NotReady);
  // A reload under way needs all the others.
  if (control_) control_->stop();
  for (const auto& worker : workers_) worker->stop();
  if (prober_) prober_->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

StartResult<std::unique_ptr<Daemon>> Daemon::start(const config::Configuration& configuration,
                                                   const Sizing& sizing,
                                                   const ConfigurationFile& file,
                                                   Predecessor predecessor,
                                                   observe::EventLog& log) {
  raise_descriptor_limit();
  std::unique_ptr<Daemon> daemon(new Daemon(configuration, sizing, log));
  const auto key = daemon->load_key();
  if (!key) return tl::unexpected<StartFault>(key.error());
  auto tables = predecessor.take_call_tables(configuration, sizing, daemon->systemd_, log);
  if (!tables) return tl::unexpected<StartFault>(tables.error());
  daemon->call_tables_ = std::make_unique<const CallTables>(std::move(*tables));
  auto listeners = open_kept_listeners(
      {.wanted = configuration.listeners,
       .open = {},
       .lanes = sizing.lanes,
       .receive_buffer_bytes = static_cast<uint32_t>(configuration.limits.socket_receive_bytes)},
      std::move(predecessor.sockets()), daemon->systemd_, log);
  if (!listeners) return tl::unexpected<StartFault>(listeners.error());
  auto places = daemon->make_generation(*key, file, *listeners);
  if (!places) return tl::unexpected<StartFault>(places.error());
  if (auto made = daemon->make_request_names(); !made) {
    return tl::unexpected<StartFault>(made.error());
  }
  if (auto made = daemon->make_control(); !made) return tl::unexpected<StartFault>(made.error());
  if (auto made = daemon->make_prober(); !made) return tl::unexpected<StartFault>(made.error());
  if (auto made = daemon->make_workers(*listeners); !made) {
    return tl::unexpected<StartFault>(made.error());
  }
  daemon->make_reload(file, std::move(*places));
  if (auto started = daemon->start_http(); !started) {
    return tl::unexpected<StartFault>(started.error());
  }
  daemon->start_threads();
  daemon->start_control();
  daemon->set_readiness(proxy::Admission::Everything);
  if (auto started = daemon->start_admin(file.path); !started) {
    return tl::unexpected<StartFault>(started.error());
  }
  report_listening(configuration.listeners, *listeners, log);
  daemon->report_http();
  if (!file.is_stale) daemon->reload_->keep(file.text);
  log.write(observe::LogLevel::Info, "ready",
            {{"workers", std::to_string(sizing.workers)}, {"lanes", std::to_string(sizing.lanes)}});
  return daemon;
}

void Daemon::serve(const Signals& signals) {
  const observe::MetricsSource source{.snapshots = control_->snapshots(),
                                      .snapshot_reader = sizing_.workers + 1,
                                      .calls = calls_.get(),
                                      .prober = prober_.get(),
                                      .status = &prober_->status(),
                                      .status_reader = sizing_.workers + 2,
                                      .workers = workers_};
  Supervisor::Parts parts{
      .signals = signals,
      .systemd = systemd_,
      .log = log_,
      .threads = {{.name = kProberName,
                   .progress = [this] { return prober_->progress(); },
                   .wake = [this] { prober_->wake(); }}},
      .vitals = [&source] { return observe::vitals(source); },
      .state =
          [this, &source] {
            const proxy::Snapshot& snapshot = source.snapshots.look(source.snapshot_reader);
            return status_words(snapshot.admission, reload_->counters());
          },
      .reload =
          [this] {
            systemd_.reloading();
            control_->reload_later(ReloadOptions::State::Keep, [this] { systemd_.ready(); });
          },
  };
  for (size_t w = 0; w < workers_.size(); ++w) {
    proxy::Worker& worker = *workers_[w];
    parts.threads.push_back({.name = worker_name(w),
                             .progress = [&worker] { return worker.progress(); },
                             .wake = [&worker] { worker.wake(); }});
  }
  Supervisor(std::move(parts)).run();
}

StartResult<HashKey> Daemon::load_key() {
  const std::string path = config::key_file(configuration_.global, environment("STATE_DIRECTORY"));
  const auto key = load_or_create_key(path);
  if (!key) return start_fault(key.error(), "key file " + path);
  if (key_file_is_exposed(path)) {
    log_.write(observe::LogLevel::Warning, "key file open to others",
               {{"path", path}, {"remedy", "chmod 600"}});
  }
  return *key;
}

StartResult<Places> Daemon::make_generation(const HashKey& key, const ConfigurationFile& file,
                                            std::span<const transport::ListenerSockets> listeners) {
  const auto instance = random_u32();
  if (!instance) return start_fault(instance.error(), "the number of this process");
  node_ = {.key = key, .table_key = call_tables_->key(), .instance = *instance};
  const sip::Seal seal = make_seal(node_, configuration_.global);
  log_.write(observe::LogLevel::Info, "key loaded", {{"fingerprint", seal.fingerprint()}});

  Places places(sizing_.servers);
  auto arranged = places.arrange(configuration_, Clock::now());
  SIPLB_ASSERT(arranged.has_value());  // the sizing has places for all of it
  Generation generation{.arranged = std::move(*arranged),
                        .hash = file.hash,
                        .bound = {},
                        .steered = 0,
                        .routing = nullptr};
  for (size_t i = 0; i < listeners.size(); ++i) {
    generation.bound.push_back(listeners[i].address);
    const auto bit = static_cast<uint16_t>(1U << i);
    if (listeners[i].steering) generation.steered = generation.steered | bit;
  }
  generation.routing =
      std::make_shared<const proxy::Routing>(generation.configuration().routes, sizing_.workers);
  generation_ = std::make_shared<const Generation>(std::move(generation));
  return places;
}

StartResult<void> Daemon::make_request_names() {
  auto names = RequestNames::create(
      {.dns = {.nameservers = configuration_.global.nameservers}, .book_readers = sizing_.workers});
  if (!names) return start_fault(names.error(), "the resolver of names in requests");
  request_names_ = std::move(*names);
  return {};
}

StartResult<void> Daemon::make_control() {
  auto resolver = Resolver::create({.nameservers = configuration_.global.nameservers});
  if (!resolver) return start_fault(resolver.error(), "the resolver");
  const std::string key = config::key_file(configuration_.global, environment("STATE_DIRECTORY"));
  auto control =
      Control::create({.groups = generation_->configuration().groups,
                       .state_file = state_file_path(environment("STATE_DIRECTORY"), key),
                       // Metrics, and the supervisor.
                       .snapshot_readers = sizing_.workers + 2,
                       .make_snapshot = snapshot_maker(generation_, node_),
                       .resolver = std::move(*resolver),
                       .request_names = request_names_.get()},
                      log_);
  if (!control) return start_fault(control.error(), "the control thread");
  control_ = std::move(*control);
  return {};
}

void Daemon::make_reload(const ConfigurationFile& file, Places places) {
  reload_ = std::make_unique<Reload>(file.path, std::move(places), std::move(generation_),
                                     Reload::Parts{.sizing = sizing_,
                                                   .node = node_,
                                                   .control = *control_,
                                                   .workers = workers_,
                                                   .probe_sockets = probe_sockets_,
                                                   .log = log_});
  if (file.is_stale) reload_->mark_stale();
}

StartResult<void> Daemon::make_prober() {
  load_ = std::make_unique<balance::LoadBoard>(sizing_.workers, sizing_.servers);
  calls_ = std::make_unique<balance::CallCounts>(sizing_.servers);
  health::Prober::Options options{.reader_count = sizing_.workers + kStatusReaders,
                                  .server_count = sizing_.servers,
                                  .group_count = balance::kGroupsMax};
  const auto seed = random_u32();
  const auto filled = fill_random(options.probe_key.octets);
  if (!seed || !filled) return start_fault({ErrorCode::RandomUnavailable}, "the probes' key");
  options.seed = *seed;
  auto prober = health::Prober::create(options, {.plans = control_->plans(),
                                                 .load = *load_,
                                                 .events = log_.add_ring(),
                                                 .listener_sockets = probe_sockets_});
  if (!prober) return start_fault(prober.error(), "the prober");
  prober_ = std::move(*prober);
  return {};
}

// How many connections may be accepted so that descriptors are left for all else: listeners,
// connections to servers, probes, HTTP.
size_t Daemon::connections_by_descriptors() {
  const size_t wanted = sizing_.census.connections_max;
  rlimit limit{};
  if (!sizing_.has_streams || getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const size_t servers = balance::place_count(configuration_.groups);
  const size_t listeners = configuration_.listeners.size();
  const size_t probes = servers + listeners;
  const size_t sockets = 2 * listeners + servers;
  const size_t reserve = kDescriptorReserve + probes + sizing_.lanes * sockets;
  const size_t allowed = limit.rlim_cur > reserve ? limit.rlim_cur - reserve : 0;
  if (allowed >= wanted) return wanted;
  log_.write(observe::LogLevel::Warning, "fewer connections than configured",
             {{"connections", std::to_string(allowed)},
              {"wanted", std::to_string(wanted)},
              {"descriptors", std::to_string(limit.rlim_cur)},
              {"remedy", "raise LimitNOFILE"}});
  return allowed;
}

StartResult<void> Daemon::make_workers(std::span<transport::ListenerSockets> listeners) {
  const auto seed = random_u32();
  if (!seed) return start_fault(seed.error(), "the send queues' seed");
  transport::ConnectionCensusOptions census = sizing_.census;
  census.connections_max = std::min(census.connections_max, connections_by_descriptors());
  census.seed = *seed;
  census_ = std::make_unique<transport::ConnectionCensus>(census);
  for (size_t w = 0; w < sizing_.workers; ++w) {
    proxy::WorkerOptions options = worker_options(configuration_, sizing_, w, *seed);
    options.has_old_tables = call_tables_->has_old_entries();
    auto worker = proxy::Worker::create(
        options,
        {control_->snapshots(), prober_->status(), *load_, *calls_, *prober_, log_.add_ring(),
         *census_, call_tables_->by_lane(), request_names_->books(), *request_names_},
        listeners);
    if (!worker) return start_fault(worker.error(), "worker " + std::to_string(w));
    workers_.push_back(std::move(*worker));
  }
  for (const auto& worker : workers_) worker->connect(workers_);
  for (size_t i = 0; i < probe_sockets_.size(); ++i) {
    const auto listener = static_cast<transport::ListenerIndex>(i);
    probe_sockets_[i] = workers_.front()->lane(0).sockets.socket(listener);
  }
  return {};
}

StartResult<void> Daemon::start_http() {
  const MemoryBudget budget(configuration_, sizing_);
  observe::MetricsSource source{.snapshots = control_->snapshots(),
                                .snapshot_reader = sizing_.workers,
                                .load = load_.get(),
                                .calls = calls_.get(),
                                .prober = prober_.get(),
                                .status = &prober_->status(),
                                .status_reader = sizing_.workers + 1,
                                .names = control_->name_counters(),
                                .reloads = &reload_->counters(),
                                .request_names = request_names_->metrics(),
                                .workers = workers_,
                                .budget = {},
                                .started_at = started_at_};
  for (const Consumer& consumer : budget.consumers()) {
    source.budget.push_back({std::string(consumer.name), consumer.octets});
  }
  metrics_ = std::make_unique<observe::Metrics>(std::move(source));
  if (!configuration_.metrics.address) return {};
  auto http = HttpServer::start(*configuration_.metrics.address,
                                [this] { return metrics_->scrape(Clock::now()); });
  if (!http) {
    return start_fault(http.error(),
                       "metrics (" + std::string(configuration_.metrics.address->text()) + ")");
  }
  http_ = std::move(*http);
  return {};
}

// Whoever balances us sends no more while the node drains.
void Daemon::set_readiness(proxy::Admission admission) {
  if (!http_) return;
  const bool is_ready = admission == proxy::Admission::Everything;
  http_->set_readiness(is_ready ? HttpServer::Readiness::Ready : HttpServer::Readiness::NotReady);
}

void Daemon::report_http() {
  if (!http_) return;
  log_.write(
      observe::LogLevel::Info, "listening",
      {{"listener", "metrics"}, {"transport", "http"}, {"address", http_->address().text()}});
}

void Daemon::start_threads() {
  const std::vector<int> processors = processors_for(workers_.size());
  all_have_run_ = std::make_unique<std::latch>(static_cast<ptrdiff_t>(workers_.size()));
  for (size_t w = 0; w < workers_.size(); ++w) {
    threads_.emplace_back([this, worker = workers_[w].get()] {
      worker->run();
      all_have_run_->arrive_and_wait();
      worker->finish();
    });
    pthread_setname_np(threads_.back().native_handle(), worker_name(w).c_str());
    if (!processors.empty()) pin(threads_.back().native_handle(), processors[w]);
  }
}

// After the workers: whoever is woken is there.
void Daemon::start_control() {
  threads_.emplace_back([prober = prober_.get()] { prober->run(); });
  pthread_setname_np(threads_.back().native_handle(), kProberName);
  control_->start(
      {.status = prober_->status(),
       .status_reader = sizing_.workers,
       .calls = *calls_,
       .load = *load_,
       .transitions = [this](auto server) { return prober_->transitions(server); },
       .on_book =
           [this] {
             for (const auto& worker : workers_) worker->wake();
           },
       .on_plan = [this] { prober_->wake(); },
       .on_admission = [this](proxy::Admission admission) { set_readiness(admission); },
       .reload = [this](const ReloadOptions& options) { return reload_->run(options); }});
}

StartResult<void> Daemon::start_admin(const std::string& config_file) {
  const AdminRoutes routes = admin_routes(
      {.control = *control_,
       .log = log_,
       .workers = workers_,
       .census = *census_,
       .budget = MemoryBudget(configuration_, sizing_),
       .scrape = [this] { return metrics_->scrape(Clock::now()); },
       .config_file = std::filesystem::absolute(config_file),
       .key_file = config::key_file(configuration_.global, environment("STATE_DIRECTORY")),
       .lanes = sizing_.lanes,
       .started_at = started_at_});
  const config::AdminOptions paths =
      config::admin_sockets(configuration_.admin, environment("RUNTIME_DIRECTORY"));
  using Access = AdminServer::Access;
  for (const auto& [path, access] :
       {std::pair(paths.socket, Access::Change), std::pair(paths.read_socket, Access::Read)}) {
    if (!path) continue;
    auto admin = AdminServer::start({.path = *path, .access = access}, routes);
    if (!admin) return start_fault(admin.error(), "admin socket " + *path);
    admin_.push_back(std::move(*admin));
  }
  return {};
}

}  // namespace siplb::app
