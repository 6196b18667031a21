#include "app/control.h"

#include <algorithm>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "app/probe_targets.h"
#include "app/usable_addresses.h"
#include "base/assert.h"

namespace siplb::app {
namespace {

using balance::HealthState;
using balance::OperatorState;
using balance::ServerIndex;
using observe::LogLevel;

tl::unexpected<Refusal> refuse(Refusal::Kind kind, std::string text) {
  return tl::unexpected(Refusal{kind, std::move(text)});
}

tl::unexpected<Refusal> refuse_unknown(std::string_view group, std::string_view server) {
  return refuse(Refusal::Kind::NoSuchServer,
                "no server " + std::string(group) + '/' + std::string(server));
}

tl::unexpected<Refusal> refuse_ending() {
  return refuse(Refusal::Kind::Ending, "siplbd is ending");
}

// What the thread has answered, unless it takes no more questions.
Control::Views answer_of(std::optional<Control::Views> asked) {
  if (asked) return std::move(*asked);
  return refuse_ending();
}

std::string weight_text(const OperatorSetting& setting) {
  return setting.weight ? std::to_string(*setting.weight) : "as configured";
}

int timeout_ms(Instant deadline) {
  if (deadline == Instant::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

}  // namespace

Result<std::unique_ptr<Control>> Control::create(Options options, observe::EventLog& log) {
  net::FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return system_error(ErrorCode::EventFdOpen);
  return std::unique_ptr<Control>(new Control(std::move(options), std::move(wake), log));
}

Control::Control(Options options, net::FileDescriptor wake, observe::EventLog& log)
    : groups_(std::move(options.groups)),
      make_snapshot_(std::move(options.make_snapshot)),
      resolver_(std::move(options.resolver)),
      request_names_(options.request_names),
      state_file_(std::move(options.state_file)),
      log_(log),
      wake_(std::move(wake)),
      queue_([this] { this->wake(); }) {
  load_settings();
  places_.set_groups(groups_);
  snapshots_ =
      std::make_unique<Published<proxy::Snapshot>>(options.snapshot_readers, next_snapshot());
  name_events();
  if (resolver_) await_addresses(Clock::now() + options.answers_wait);
  plans_ = std::make_unique<Published<health::ProbePlan>>(1, next_plan());
}

Control::~Control() {
  stop();
}

void Control::start(Peers peers) {
  SIPLB_ASSERT(!thread_.joinable());
  peers_ = std::make_unique<const Peers>(std::move(peers));
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "siplb-control");
}

void Control::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void Control::wake() const {
  const uint64_t one = 1;
  // It fails only where it is readable already.
  static_cast<void>(write(wake_.get(), &one, sizeof one));
}

void Control::load_settings() {
  StateFile::Content content = state_file_.load();
  if (!content.fault.empty()) {
    log_.write(LogLevel::Warning, "state file ignored",
               {{"path", state_file_.path()}, {"reason", content.fault}});
  }
  drop_unknown(content.settings);
  settings_ = std::move(content.settings);
  for (const auto& [key, setting] : settings_) {
    log_.write(LogLevel::Info, "setting kept over the restart",
               {{"server", key},
                {"state", balance::name(setting.state)},
                {"weight", weight_text(setting)}});
  }
}

// Settings of servers that are not in the configuration.
void Control::drop_unknown(OperatorSettings& settings) const {
  std::erase_if(settings, [this](const auto& entry) {
    const std::string& key = entry.first;
    const size_t slash = key.find('/');
    const bool is_known =
        slash != std::string::npos && find(key.substr(0, slash), key.substr(slash + 1)) != nullptr;
    if (!is_known) {
      log_.write(LogLevel::Warning, "setting of a server that is gone dropped", {{"server", key}});
    }
    return !is_known;
  });
}

std::unique_ptr<const proxy::Snapshot> Control::next_snapshot() const {
  auto snapshot = make_snapshot_(places_.expand(with_weights(groups_, settings_)));
  snapshot->admission = admission_;
  return snapshot;
}

std::unique_ptr<const health::ProbePlan> Control::next_plan() const {
  return std::make_unique<health::ProbePlan>(make_probe_plan(snapshots_->newest(), settings_));
}

// Nobody reads yet, so nobody has to be told.
void Control::await_addresses(Instant end) {
  resolver_->set_names(places_.names());
  while (!resolver_->is_settled() && Clock::now() < end) {
    static_cast<void>(resolver_->run(Clock::now()));
    if (!resolver_->is_settled()) wait(end);
  }
  if (take_addresses() == NamePlaces::Change::Moved) snapshots_->publish(next_snapshot());
  const std::vector<HostName> names = places_.names();
  for (size_t i = 0; i < names.size(); ++i) {
    if (resolver_->addresses(i)) continue;
    log_.write(LogLevel::Warning, "name without address", {{"host", names[i].host}});
  }
}

void Control::run() {
  while (queue_.drain()) {
    if (resolver_ && resolver_->run(Clock::now()) == Resolver::News::Answers &&
        take_addresses() == NamePlaces::Change::Moved) {
      publish_snapshot();
      publish_plan();
    }
    if (request_names_ != nullptr &&
        request_names_->run(Clock::now()) == RequestNames::News::Book) {
      peers_->on_book();
    }
    wait(Instant::max());
  }
}

// For a verb, for what resolves names, and for `end`.
void Control::wait(Instant end) {
  // poll() passes over what has no descriptor.
  pollfd watched[] = {
      {.fd = wake_.get(), .events = POLLIN, .revents = 0},
      {.fd = resolver_ ? resolver_->descriptor() : -1, .events = POLLIN, .revents = 0},
      {.fd = request_names_ ? request_names_->descriptor() : -1, .events = POLLIN, .revents = 0}};
  if (resolver_) end = std::min(end, resolver_->next_deadline());
  if (request_names_ != nullptr) end = std::min(end, request_names_->next_deadline());
  poll(watched, std::size(watched), timeout_ms(end));
  uint64_t count = 0;
  static_cast<void>(read(wake_.get(), &count, sizeof count));
}

// Names are numbered as they stand in the groups.
NamePlaces::Change Control::take_addresses() {
  const proxy::Sides& sides = snapshots_->newest().sides;
  auto change = NamePlaces::Change::None;
  size_t unusable = 0;
  size_t name = 0;
  for (const balance::GroupOptions& group : groups_) {
    for (const balance::ServerOptions& server : group.servers) {
      if (server.host.empty()) continue;
      const size_t number = name++;
      const auto addresses = resolver_->addresses(number);
      if (!addresses) continue;
      const auto usable = usable_addresses(*addresses, {group, server}, sides);
      unusable += addresses->size() - usable.size();
      if (places_.update(number, usable) == NamePlaces::Change::Moved) {
        change = NamePlaces::Change::Moved;
      }
    }
  }
  addresses_ignored_.set(unusable + places_.ignored());
  return change;
}

observe::NameCounters Control::name_counters() const {
  if (!resolver_) return {};
  const LookupCounters& counters = resolver_->counters();
  observe::NameCounters out{.lookups = {},
                            .without_address = &counters.names_without_address,
                            .targets_ignored = &counters.targets_ignored,
                            .addresses_ignored = &addresses_ignored_,
                            .oldest_answer_ns = &counters.oldest_answer_ns};
  for (size_t i = 0; i < counters.results.kSize; ++i) {
    const auto result = static_cast<LookupResult>(i);
    out.lookups.push_back({name(result), counters.results[result]});
  }
  return out;
}

void Control::publish_snapshot() {
  snapshots_->publish(next_snapshot());
  peers_->on_snapshot();
}

// Workers and prober know servers and groups by number only.
void Control::name_events() const {
  const balance::Topology& topology = snapshots_->newest().topology;
  observe::EventNames names{.servers = std::vector<observe::ServerName>(topology.servers().size()),
                            .groups = {}};
  for (const balance::Group& group : topology.groups()) {
    names.groups.push_back(group.options.name);
    for (const ServerIndex server : group.servers) {
      names.servers[server] = {group.options.name, topology.servers()[server].name};
    }
  }
  log_.set_names(names);
}

void Control::publish_plan() {
  plans_->publish(next_plan());
  peers_->on_plan();
}

const balance::ServerOptions* Control::find(std::string_view group, std::string_view server) const {
  for (const balance::GroupOptions& each : groups_) {
    if (each.name != group) continue;
    const auto found = std::find_if(each.servers.begin(), each.servers.end(),
                                    [server](const auto& one) { return one.name == server; });
    return found == each.servers.end() ? nullptr : &*found;
  }
  return nullptr;
}

Control::Views Control::servers() {
  return answer_of(queue_.ask([this] {
    const Instant now = Clock::now();
    std::vector<ServerView> views;
    for (const balance::Group& group : snapshots_->newest().topology.groups()) {
      for (const ServerIndex server : group.servers) views.push_back(view(server, now));
    }
    return Views(std::move(views));
  }));
}

Control::Views Control::server(std::string_view group, std::string_view name) {
  return answer_of(queue_.ask([&] { return views_of(group, name); }));
}

Control::Views Control::change(const ServerChange& wanted) {
  return answer_of(queue_.ask([&] { return do_change(wanted); }));
}

Control::Answer<std::string> Control::reload(const ReloadOptions& options) {
  auto answer = queue_.ask([&] { return peers_->reload(options); });
  if (!answer) return refuse_ending();
  return std::move(*answer);
}

void Control::reload_later(ReloadOptions::State state, std::function<void()> done) {
  // A queue that is closed takes nothing: nobody waits for the end of what never began.
  static_cast<void>(queue_.post([this, state, done = std::move(done)] {
    static_cast<void>(peers_->reload({.state = state}));  // the log says what came of it
    done();
  }));
}

Control::Answer<void> Control::adopt(Configured next, ReloadOptions::State state) {
  std::swap(groups_, next.groups);
  OperatorSettings settings = state == ReloadOptions::State::Keep ? settings_ : OperatorSettings();
  drop_unknown(settings);
  if (settings != settings_) {
    if (const auto saved = state_file_.save(settings); !saved) {
      std::swap(groups_, next.groups);
      return refuse(Refusal::Kind::NotKept,
                    describe(saved.error()) + " (" + state_file_.path() + ")");
    }
  }
  settings_ = std::move(settings);
  make_snapshot_ = std::move(next.make_snapshot);
  places_.set_groups(groups_);
  publish_snapshot();
  name_events();
  if (resolver_) {
    resolver_->set_names(places_.names());
    // What listeners there are decides which addresses can be used.
    if (take_addresses() == NamePlaces::Change::Moved) publish_snapshot();
  }
  publish_plan();
  return {};
}

Control::Answer<Control::NodeState> Control::node_state() {
  const auto state = queue_.ask([this] { return count_node(); });
  if (!state) return refuse_ending();
  return *state;
}

Control::Answer<Control::NodeState> Control::admit(const NodeChange& wanted) {
  const auto state = queue_.ask([&] {
    do_admit(wanted);
    return count_node();
  });
  if (!state) return refuse_ending();
  return *state;
}

Control::Answer<void> Control::look(const std::function<void(const Present&)>& read) {
  const auto looked = queue_.ask([&] {
    read({.snapshot = snapshots_->newest(),
          .status = peers_->status.look(peers_->status_reader),
          .load = peers_->load,
          .calls = peers_->calls});
    return true;
  });
  if (!looked) return refuse_ending();
  return {};
}

Control::NodeState Control::count_node() const {
  NodeState state{.admission = admission_};
  const size_t count = snapshots_->newest().topology.servers().size();
  for (size_t i = 0; i < count; ++i) {
    state.calls += peers_->calls.calls(static_cast<ServerIndex>(i));
  }
  return state;
}

// Whoever balances us hears of it before anybody is refused.
void Control::do_admit(const NodeChange& wanted) {
  if (wanted.admission == admission_) return;
  admission_ = wanted.admission;
  const bool is_draining = admission_ == proxy::Admission::DialogsOnly;
  log_.write(LogLevel::Info, is_draining ? "draining, no new work" : "draining is over",
             {{"uid", std::to_string(wanted.uid)}});
  peers_->on_admission(admission_);
  publish_snapshot();
}

Control::Views Control::views_of(std::string_view group, std::string_view name) {
  const Instant now = Clock::now();
  const balance::Topology& topology = snapshots_->newest().topology;
  std::vector<ServerView> views;
  for (size_t i = 0; i < topology.servers().size(); ++i) {
    const balance::Server& server = topology.servers()[i];
    if (topology.groups()[server.group].options.name != group) continue;
    const bool is_place_of = server.name.substr(0, server.name.find('/')) == name;
    if (server.name != name && !is_place_of) continue;
    const auto index = static_cast<ServerIndex>(i);
    views.push_back(view(index, now));
    views.back().transitions = peers_->transitions(index);
  }
  if (views.empty()) return refuse_unknown(group, name);
  return views;
}

ServerView Control::view(ServerIndex index, Instant now) {
  const balance::Topology& topology = snapshots_->newest().topology;
  const balance::Server& server = topology.servers()[index];
  const std::string& group = topology.groups()[server.group].options.name;
  const balance::PoolStatus& pool = peers_->status.look(peers_->status_reader);
  const balance::ServerStatus& status = pool.servers[index];
  const std::string key = setting_key(group, server.name);
  const OperatorSetting setting = setting_of(settings_, key);

  ServerView out{.group = group,
                 .name = server.name,
                 .transport = server.transport,
                 .priority = server.priority,
                 .state = setting.state,
                 .weight = server.weight,
                 .configured_weight = find(group, key.substr(group.size() + 1))->weight,
                 .set_weight = setting.weight,
                 .health = status.health,
                 .reason = status.reason,
                 .is_panicking = pool.groups[server.group].is_panicking,
                 .calls = peers_->calls.active(index),
                 .reserved_calls = peers_->calls.reserved(index),
                 .max_calls = server.max_calls,
                 .inflight = peers_->load.inflight(index),
                 .max_inflight = server.max_inflight,
                 .answer_time = peers_->load.answer_time(index, now)};
  if (server.address.family() != SockAddress::Family::None) out.address = server.address.text();
  if (status.changed_at != Instant::min()) out.health_age = now - status.changed_at;
  if (status.busy_until > now) out.busy_left = status.busy_until - now;
  return out;
}

Control::Views Control::do_change(const ServerChange& wanted) {
  const balance::ServerOptions* configured = find(wanted.group, wanted.server);
  if (configured == nullptr) return refuse_unknown(wanted.group, wanted.server);
  const std::string key = setting_key(wanted.group, wanted.server);
  const OperatorSetting before = setting_of(settings_, key);
  OperatorSetting setting = before;
  if (wanted.state) setting.state = *wanted.state;
  if (wanted.weight) setting.weight = wanted.weight;
  if (setting.weight == configured->weight) setting.weight.reset();
  if (setting == before) return views_of(wanted.group, wanted.server);

  const bool gets_none =
      setting.state != OperatorState::Ready || setting.weight.value_or(configured->weight) == 0;
  if (gets_none && wanted.force == Force::No && is_last_usable(wanted.group, key)) {
    return refuse(Refusal::Kind::LastUsable,
                  key + " is the last usable server of its group: new calls would be refused");
  }
  OperatorSettings settings = settings_;
  settings.insert_or_assign(key, setting);
  if (setting == OperatorSetting{}) settings.erase(key);
  if (const auto saved = state_file_.save(settings); !saved) {
    return refuse(Refusal::Kind::NotKept,
                  describe(saved.error()) + " (" + state_file_.path() + "); nothing has changed");
  }
  settings_ = std::move(settings);
  log_change(wanted, setting);
  if (setting.weight != before.weight) publish_snapshot();
  publish_plan();
  return views_of(wanted.group, wanted.server);
}

// True where new work of its group goes to this server alone. A pause after a 503 is over in
// seconds and takes nobody out.
bool Control::is_last_usable(std::string_view group, std::string_view key) {
  const balance::Topology& topology = snapshots_->newest().topology;
  const balance::PoolStatus& pool = peers_->status.look(peers_->status_reader);
  bool is_usable = false;
  for (size_t i = 0; i < topology.servers().size(); ++i) {
    const balance::Server& server = topology.servers()[i];
    if (topology.groups()[server.group].options.name != group) continue;
    const std::string other = setting_key(group, server.name);
    const bool is_alive =
        pool.servers[i].health != HealthState::Down || pool.groups[server.group].is_panicking;
    const bool is_ready = setting_of(settings_, other).state == OperatorState::Ready;
    if (!is_alive || !is_ready || server.weight == 0) continue;
    if (other != key) return false;
    is_usable = true;
  }
  return is_usable;
}

void Control::log_change(const ServerChange& wanted, const OperatorSetting& setting) {
  log_.write(LogLevel::Info, "server set by operator",
             {{"group", wanted.group},
              {"server", wanted.server},
              {"state", balance::name(setting.state)},
              {"weight", weight_text(setting)},
              {"uid", std::to_string(wanted.uid)}});
}

}  // namespace siplb::app
