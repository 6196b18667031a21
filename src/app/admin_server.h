// The admin sockets: HTTP over UNIX sockets, one to look and one to change (app/admin_api.h).
//
// Who may do what is said by the modes of the files: the change socket is the owner's (0600), the
// read socket the group's as well (0660). Whoever changes is logged by the uid that the kernel
// vouches for. One request at a time on each socket, one request per connection: all others wait in
// the kernel's backlog, and those who look can't keep off those who change.
// Thread: one, whoever starts and stops it; requests on a thread per socket. Bounds: kRequestOctets
// and kRequestTime for reading a request, kRequestTime for writing its answer.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "app/admin_api.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

class AdminServer {
 public:
  static constexpr size_t kRequestOctets = 16 * 1024;
  static constexpr size_t kBodyOctets = 4 * 1024;
  static constexpr std::chrono::seconds kRequestTime{1};

  enum class Access : uint8_t { Read, Change };
  struct Options {
    std::string path;
    Access access = Access::Read;
  };
  // Listens at once. A socket file that nobody listens at is replaced; a file of another kind is
  // not. The control is borrowed.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> start(const Options& options,
                                                                  Control& control);
  // As stop(), but waits as long as it takes. Removes the file.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Takes no more requests. False where one under way has not ended within `grace`.
  [[nodiscard]] bool stop(Duration grace);

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::app
