#include "app/daemon.h"

#include <algorithm>
#include <cstdlib>

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "app/key_file.h"
#include "app/listeners.h"
#include "app/usable_cores.h"
#include "base/random.h"
#include "config/derive.h"
#include "net/local_address.h"

namespace siplb::app {
namespace {

// Descriptors that are kept for what is not counted by its kind: epoll, logs, HTTP, admin.
constexpr size_t kDescriptorReserve = 64;

// What a scrape or a verb under way may take when everything else has ended.
constexpr std::chrono::milliseconds kHttpGrace{250};

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

// True where name servers are to be asked.
bool has_names(const config::Configuration& configuration) {
  return std::any_of(configuration.groups.begin(), configuration.groups.end(),
                     [](const auto& group) {
                       return std::any_of(group.servers.begin(), group.servers.end(),
                                          [](const auto& server) { return !server.host.empty(); });
                     });
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
  bool has_stopped = !http_ || http_->stop(kHttpGrace);
  for (const auto& admin : admin_) has_stopped = admin->stop(kHttpGrace) && has_stopped;
  return has_stopped;
}

void Daemon::end_threads() {
  if (http_) http_->set_readiness(HttpServer::Readiness::NotReady);
  for (const auto& worker : workers_) worker->stop();
  if (prober_) prober_->stop();
  if (control_) control_->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

StartResult<std::unique_ptr<Daemon>> Daemon::start(const config::Configuration& configuration,
                                                   const Sizing& sizing, std::string config_hash,
                                                   Predecessor predecessor,
                                                   observe::EventLog& log) {
  raise_descriptor_limit();
  std::unique_ptr<Daemon> daemon(new Daemon(configuration, sizing, log));
  const auto key = daemon->load_key();
  if (!key) return tl::unexpected<StartFault>(key.error());
  auto tables = predecessor.take_call_tables(configuration, sizing, ServiceManager(), log);
  if (!tables) return tl::unexpected<StartFault>(tables.error());
  daemon->call_tables_ = std::make_unique<const CallTables>(std::move(*tables));
  auto listeners = open_listeners(
      {.wanted = configuration.listeners,
       .open = {},
       .lanes = sizing.lanes,
       .receive_buffer_bytes = static_cast<uint32_t>(configuration.limits.socket_receive_bytes)},
      predecessor.sockets(), log);
  if (!listeners) return tl::unexpected<StartFault>(listeners.error());
  auto maker = daemon->snapshot_maker(*key, *listeners);
  if (!maker) return tl::unexpected<StartFault>(maker.error());
  if (auto made = daemon->make_request_names(); !made) {
    return tl::unexpected<StartFault>(made.error());
  }
  if (auto made = daemon->make_control(std::move(*maker)); !made) {
    return tl::unexpected<StartFault>(made.error());
  }
  if (auto made = daemon->make_prober(); !made) return tl::unexpected<StartFault>(made.error());
  if (auto made = daemon->make_workers(*listeners); !made) {
    return tl::unexpected<StartFault>(made.error());
  }
  if (auto started = daemon->start_http(std::move(config_hash), *listeners); !started) {
    return tl::unexpected<StartFault>(started.error());
  }
  daemon->start_threads();
  daemon->start_control();
  if (auto started = daemon->start_admin(); !started) {
    return tl::unexpected<StartFault>(started.error());
  }
  report_listening(configuration.listeners, *listeners, log);
  daemon->report_http();
  if (daemon->http_) daemon->http_->set_readiness(HttpServer::Readiness::Ready);
  log.write(observe::LogLevel::Info, "ready",
            {{"workers", std::to_string(sizing.workers)}, {"lanes", std::to_string(sizing.lanes)}});
  return daemon;
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

StartResult<Control::MakeSnapshot> Daemon::snapshot_maker(
    const HashKey& key, std::span<const transport::ListenerSockets> listeners) {
  std::vector<SockAddress> bound;
  for (const auto& sockets : listeners) bound.push_back(sockets.address);
  const auto instance = random_u32();
  if (!instance) return start_fault(instance.error(), "the number of this process");
  const auto life = static_cast<uint16_t>(configuration_.global.token_life.count());
  const sip::Seal seal(key, *instance, life);
  log_.write(observe::LogLevel::Info, "key loaded", {{"fingerprint", seal.fingerprint()}});
  return [this, bound, seal, table_key = call_tables_->key(),
          routing = std::make_shared<const proxy::Routing>(configuration_.routes)](
             std::span<const balance::GroupOptions> groups) {
    return std::make_unique<const proxy::Snapshot>(proxy::make_snapshot({
        .listeners = configuration_.listeners,
        .bound = bound,
        .names = configuration_.global.names,
        .groups = groups,
        .routing = routing,
        .host = {.is_on_way = net::is_on_way, .is_on_host = net::is_on_host},
        .seal = seal,
        .table_key = table_key,
        .scan_limits = {.headers_max = configuration_.limits.headers},
        .message_octets_max = configuration_.limits.message_bytes,
    }));
  };
}

StartResult<void> Daemon::make_request_names() {
  auto names = RequestNames::create(
      {.dns = {.nameservers = configuration_.global.nameservers}, .book_readers = sizing_.workers});
  if (!names) return start_fault(names.error(), "the resolver of names in requests");
  request_names_ = std::move(*names);
  return {};
}

StartResult<void> Daemon::make_control(Control::MakeSnapshot make_snapshot) {
  std::unique_ptr<Resolver> resolver;
  if (has_names(configuration_)) {
    auto made = Resolver::create({.nameservers = configuration_.global.nameservers});
    if (!made) return start_fault(made.error(), "the resolver");
    resolver = std::move(*made);
  }
  const std::string key = config::key_file(configuration_.global, environment("STATE_DIRECTORY"));
  auto control =
      Control::create({.groups = configuration_.groups,
                       .state_file = state_file_path(environment("STATE_DIRECTORY"), key),
                       .snapshot_readers = sizing_.workers,
                       .make_snapshot = make_snapshot,
                       .resolver = std::move(resolver),
                       .request_names = request_names_.get()},
                      log_);
  if (!control) return start_fault(control.error(), "the control thread");
  control_ = std::move(*control);
  std::vector<balance::GroupOptions> groups;
  for (const auto& group : control_->snapshots().newest().topology.groups()) {
    groups.push_back(group.options);
  }
  names_ = make_snapshot(groups);
  return {};
}

StartResult<void> Daemon::make_prober() {
  const balance::Topology& topology = names_->topology;
  load_ = std::make_unique<balance::LoadBoard>(sizing_.workers, topology.servers().size());
  calls_ = std::make_unique<balance::CallCounts>(topology.servers().size());
  probe_sockets_.resize(configuration_.listeners.size());
  health::Prober::Options options{.worker_count = sizing_.workers + 1,
                                  .server_count = topology.servers().size(),
                                  .group_count = topology.groups().size()};
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
  const size_t servers = names_->topology.servers().size();  // each has a probe's socket as well
  const size_t sockets = 2 * configuration_.listeners.size() + servers;
  const size_t reserve = kDescriptorReserve + servers + sizing_.lanes * sockets;
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
    auto worker =
        proxy::Worker::create(options,
                              {control_->snapshots(), prober_->status(), *load_, *calls_, *prober_,
                               log_.add_ring(), *census_, call_tables_->by_lane(),
                               request_names_->books(), *request_names_},
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

StartResult<void> Daemon::start_http(std::string config_hash,
                                     std::span<const transport::ListenerSockets> listeners) {
  const MemoryBudget budget(configuration_, sizing_);
  observe::MetricsSource source{.snapshot = *names_,
                                .load = load_.get(),
                                .calls = calls_.get(),
                                .prober = prober_.get(),
                                .status = &prober_->status(),
                                .status_reader = sizing_.workers + 1,
                                .names = control_->name_counters(),
                                .request_names = request_names_->metrics(),
                                .workers = workers_,
                                .budget = {},
                                .steering_attached = {},
                                .config_hash = std::move(config_hash),
                                .started_at = started_at_};
  for (const Consumer& consumer : budget.consumers()) {
    source.budget.push_back({std::string(consumer.name), consumer.octets});
  }
  for (const auto& sockets : listeners) {
    source.steering_attached.push_back(sockets.steering.has_value());
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

void Daemon::report_http() {
  if (!http_) return;
  log_.write(
      observe::LogLevel::Info, "listening",
      {{"listener", "metrics"}, {"transport", "http"}, {"address", http_->address().text()}});
}

void Daemon::start_threads() {
  const std::vector<int> processors = processors_for(workers_.size());
  for (size_t w = 0; w < workers_.size(); ++w) {
    threads_.emplace_back([worker = workers_[w].get()] { worker->run(); });
    const std::string name = "siplb-w" + std::to_string(w);
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
    if (!processors.empty()) pin(threads_.back().native_handle(), processors[w]);
  }
}

// After the workers: whoever is woken is there.
void Daemon::start_control() {
  threads_.emplace_back([prober = prober_.get()] { prober->run(); });
  pthread_setname_np(threads_.back().native_handle(), "siplb-prober");
  control_->start({.status = prober_->status(),
                   .status_reader = sizing_.workers,
                   .calls = *calls_,
                   .load = *load_,
                   .transitions = [this](auto server) { return prober_->transitions(server); },
                   // A worker looks before it decides anything: what sleeps needs no word of it.
                   .on_snapshot = [] {},
                   // But not what waits for it.
                   .on_book =
                       [this] {
                         for (const auto& worker : workers_) worker->wake();
                       },
                   .on_plan = [this] { prober_->wake(); }});
}

StartResult<void> Daemon::start_admin() {
  const config::AdminOptions paths =
      config::admin_sockets(configuration_.admin, environment("RUNTIME_DIRECTORY"));
  using Access = AdminServer::Access;
  for (const auto& [path, access] :
       {std::pair(paths.socket, Access::Change), std::pair(paths.read_socket, Access::Read)}) {
    if (!path) continue;
    auto admin = AdminServer::start({.path = *path, .access = access}, *control_);
    if (!admin) return start_fault(admin.error(), "admin socket " + *path);
    admin_.push_back(std::move(*admin));
  }
  return {};
}

}  // namespace siplb::app
