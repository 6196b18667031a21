// The file that keeps what operators have set over a restart.
//
//   siplb-state 1
//   pbx/s1 drain -
//   pbx/s2 ready 50
//   end
//
// A line per server: its state, and its weight or "-" where that is the configured one. Text, since
// people look at it when something is odd. What can't be understood as a whole, also what a later
// version wrote, is put aside as FILE.bad and forgotten: no file may keep a balancer from starting.
// Thread: one at a time. Bounds: kStateOctetsMax.
#pragma once

#include <string>

#include "app/operator_settings.h"
#include "base/result.h"

namespace siplb::app {

inline constexpr size_t kStateOctetsMax = size_t{1} << 20;  // kServersMax lines are less

class StateFile {
 public:
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  struct Content {
    OperatorSettings settings;
    std::string fault;  // why there are none although there is a file; empty: nothing is wrong
  };
  [[nodiscard]] Content load() const;

  // Replaces the content as a whole. An error leaves the former one (see write_whole_file).
  [[nodiscard]] Result<void> save(const OperatorSettings& settings) const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Where it is: "state" in `state_directory` (systemd's $STATE_DIRECTORY, of which the first folder
// counts), beside the key file where that is empty.
[[nodiscard]] std::string state_file_path(std::string_view state_directory,
                                          const std::string& key_file);

}  // namespace siplb::app
