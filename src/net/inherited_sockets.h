// Descriptors handed to us at start: systemd's LISTEN_FDS, found by name.
//
// systemd hands stored descriptors back newest first, so only the name says what one is. What
// nobody takes is closed with this object. See sd_listen_fds(3) for the three variables.
// Thread: one (the supervisor, at start).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/file_descriptor.h"

namespace siplb::net {

class InheritedSockets {
 public:
  // The values of the environment's variables, empty where not set.
  struct Environment {
    std::string_view listen_pid;
    std::string_view listen_fds;
    std::string_view listen_fdnames;
  };

  InheritedSockets() = default;

  // Owns the descriptors that LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES promise to this process and
  // marks them close-on-exec. Call it at most once. Variables that are absent, malformed or meant
  // for another process give an empty set.
  [[nodiscard]] static InheritedSockets from_environment();
  // The same from given values, for descriptors from `first_fd` on.
  [[nodiscard]] static InheritedSockets from(const Environment& environment, int first_fd);

  // Of all that are here.
  [[nodiscard]] std::vector<std::string> names() const;

  // Moves out all that are named `prefix` and a decimal number, in the order of the numbers. Empty
  // if there are none, and also, closing them, if the numbers are not 0, 1, 2 … each once.
  [[nodiscard]] std::vector<FileDescriptor> take_series(std::string_view prefix);

  // Moves out the one that has this name; closed if none has. Of several it is the first, which is
  // the newest.
  [[nodiscard]] FileDescriptor take(std::string_view name);

 private:
  struct Entry {
    std::string name;
    FileDescriptor fd;
  };
  std::vector<Entry> entries_;
};

}  // namespace siplb::net
