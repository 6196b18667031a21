// The control thread: makes what workers and prober go by out of the configuration, what operators
// have set, and what names lead to (DESIGN 3).
//
//   groups as configured -> weights set at run time -> names replaced by their addresses
//     -> proxy::Snapshot for the workers -> health::ProbePlan for the prober
//
// Whatever changes is made anew as a whole and published; servers keep their indexes. Operators'
// verbs are done one by one. What they set is written to the state file first: what can't be kept
// over a restart does not happen.
// Thread: any, synchronised inside; set-up and end are the supervisor's. Bounds: one setting per
// server, one task per thread that asks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/name_places.h"
#include "app/operator_settings.h"
#include "app/request_names.h"
#include "app/resolver.h"
#include "app/server_view.h"
#include "app/state_file.h"
#include "app/task_queue.h"
#include "balance/call_counts.h"
#include "balance/load_board.h"
#include "base/counter.h"
#include "base/published.h"
#include "health/probe_plan.h"
#include "health/transition_log.h"
#include "net/file_descriptor.h"
#include "observe/event_log.h"
#include "observe/metrics.h"
#include "proxy/snapshot.h"

namespace siplb::app {

// Why a verb was not done.
struct Refusal {
  enum class Kind : uint8_t {
    NoSuchServer,
    LastUsable,    // its group would have nobody left: needs force
    NotKept,       // the state file can't be written
    BadFile,       // the configuration has faults, one in each line of the text
    NeedsRestart,  // what has changed can't change while siplb runs
    NotOpened,     // a new listener's socket
    Ending,
  };
  Kind kind = Kind::Ending;
  std::string text;  // for people
};

enum class Force : uint8_t { No, Yes };

// What an operator wants of a server; what is not said stays as it is.
struct ServerChange {
  std::string_view group;
  std::string_view server;  // of the configuration: of a name, all places
  std::optional<balance::OperatorState> state;
  std::optional<uint32_t> weight;  // 0 to kWeightMax; the configured one ends the setting
  Force force = Force::No;
  uint32_t uid = 0;  // whose
};

// What an operator wants of the whole node.
struct NodeChange {
  proxy::Admission admission = proxy::Admission::Everything;
  uint32_t uid = 0;  // whose
};

// How the configuration is read again.
struct ReloadOptions {
  // What operators have set of servers: Reset forgets it.
  enum class State : uint8_t { Keep, Reset };
  State state = State::Keep;
  std::string_view origin = "signal";  // for the log: "signal", "uid 0"
};

class Control {
 public:
  using MakeSnapshot = std::function<std::unique_ptr<proxy::Snapshot>(
      std::span<const balance::GroupOptions> groups)>;
  struct Options {
    std::vector<balance::GroupOptions> groups;  // as configured
    std::string state_file;
    size_t snapshot_readers = 1;
    MakeSnapshot make_snapshot;
    std::unique_ptr<Resolver> resolver;     // null: no server has a name
    RequestNames* request_names = nullptr;  // run on this thread; borrowed, may be null
    // How long create() waits for names that have not been answered for: without them a restart
    // would refuse calls at first.
    std::chrono::milliseconds answers_wait = std::chrono::seconds(3);
  };

  // Reads the state file, asks what names lead to, and makes the first snapshot and plan, with the
  // addresses that have come within Options::answers_wait. The log is borrowed.
  [[nodiscard]] static Result<std::unique_ptr<Control>> create(Options options,
                                                               observe::EventLog& log);
  // As stop().
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // What workers and others read; the readers are the caller's to number.
  [[nodiscard]] Published<proxy::Snapshot>& snapshots() { return *snapshots_; }
  // What the prober reads, as reader 0.
  [[nodiscard]] Published<health::ProbePlan>& plans() { return *plans_; }

  // Borrowed of this; nothing in it where no server has a name.
  [[nodiscard]] observe::NameCounters name_counters() const;

  template <class T>
  using Answer = tl::expected<T, Refusal>;

  // What runs beside; all of it is borrowed until stop(). The functions are called on the control
  // thread.
  struct Peers {
    Published<balance::PoolStatus>& status;
    size_t status_reader = 0;  // the control thread's number
    const balance::CallCounts& calls;
    const balance::LoadBoard& load;
    std::function<std::vector<health::Transition>(balance::ServerIndex)> transitions;
    // Workers need no word of it: they look before they decide.
    std::function<void()> on_snapshot = [] {};
    std::function<void()> on_book;  // wakes the workers, with Options::request_names
    std::function<void()> on_plan;  // wakes the prober
    std::function<void(proxy::Admission)> on_admission = [](proxy::Admission) {};
    std::function<Answer<std::string>(const ReloadOptions&)> reload;
  };
  // For Peers::reload, on the control thread: goes by another configuration from now on. Operators'
  // settings of servers that are not in it are forgotten; refuses where that can't be kept.
  struct Configured {
    std::vector<balance::GroupOptions> groups;
    MakeSnapshot make_snapshot;
  };
  [[nodiscard]] Answer<void> adopt(Configured next, ReloadOptions::State state);

  // Starts the thread. Requires: once.
  void start(Peers peers);
  // Ends the thread after the verbs that wait; later ones are refused as Ending.
  void stop();

  // Verbs. Requires: start() was called.
  // All servers, in the order of the configuration.
  using Views = tl::expected<std::vector<ServerView>, Refusal>;
  [[nodiscard]] Views servers();
  // The server, or all places of its name, or the one place "s1/3"; with their transitions.
  [[nodiscard]] Views server(std::string_view group, std::string_view name);
  // Does it and says how the server is then. The prober and the workers follow within their ticks.
  [[nodiscard]] Views change(const ServerChange& wanted);
  // Reads the file again and goes by it, or says why not: then nothing has changed. What has is
  // told for people, one thing in each line; workers and prober go by it when this returns.
  [[nodiscard]] Answer<std::string> reload(const ReloadOptions& options);
  // The same for who can't wait: the log says what came of it. Then `done` is called on the control
  // thread, unless that is ending.
  void reload_later(ReloadOptions::State state, std::function<void()> done);

  struct NodeState {
    proxy::Admission admission = proxy::Admission::Everything;
    uint64_t calls = 0;  // of all servers, those that are being set up among them
  };
  [[nodiscard]] Answer<NodeState> node_state();
  // Draining is over with this process: no file keeps it.
  [[nodiscard]] Answer<NodeState> admit(const NodeChange& wanted);
  // What the workers go by at this moment.
  struct Present {
    const proxy::Snapshot& snapshot;
    const balance::PoolStatus& status;
    const balance::LoadBoard& load;
    const balance::CallCounts& calls;
  };
  // Calls `read` on the control thread.
  [[nodiscard]] Answer<void> look(const std::function<void(const Present&)>& read);

 private:
  Control(Options options, net::FileDescriptor wake, observe::EventLog& log);
  void load_settings();
  void drop_unknown(OperatorSettings& settings) const;
  [[nodiscard]] std::unique_ptr<const proxy::Snapshot> next_snapshot() const;
  [[nodiscard]] std::unique_ptr<const health::ProbePlan> next_plan() const;
  void await_addresses(Instant end);

  // The thread's.
  void run();
  void wait(Instant end);
  [[nodiscard]] NamePlaces::Change take_addresses();
  void publish_snapshot();
  void name_events() const;
  void publish_plan();
  [[nodiscard]] Views do_change(const ServerChange& wanted);
  void do_admit(const NodeChange& wanted);
  [[nodiscard]] NodeState count_node() const;
  [[nodiscard]] bool is_last_usable(std::string_view group, std::string_view key);
  void log_change(const ServerChange& wanted, const OperatorSetting& setting);

  [[nodiscard]] const balance::ServerOptions* find(std::string_view group,
                                                   std::string_view server) const;
  [[nodiscard]] ServerView view(balance::ServerIndex index, Instant now);
  [[nodiscard]] Views views_of(std::string_view group, std::string_view name);
  void wake() const;

  std::vector<balance::GroupOptions> groups_;
  MakeSnapshot make_snapshot_;
  const std::unique_ptr<Resolver> resolver_;
  RequestNames* const request_names_;
  const StateFile state_file_;
  observe::EventLog& log_;
  net::FileDescriptor wake_;
  OperatorSettings settings_;
  NamePlaces places_;
  Counter addresses_ignored_;  // unusable ones, and those that find no place
  proxy::Admission admission_ = proxy::Admission::Everything;
  std::unique_ptr<Published<proxy::Snapshot>> snapshots_;
  std::unique_ptr<Published<health::ProbePlan>> plans_;
  std::unique_ptr<const Peers> peers_;
  TaskQueue queue_;
  std::thread thread_;
};

}  // namespace siplb::app
