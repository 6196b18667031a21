// The admin sockets: HTTP over UNIX sockets, one to look and one to change (app/admin_route.h).
//
// Who may do what is said by the modes of the files: the change socket is the owner's (0600), the
// read socket the group's as well (0660). Whoever changes is logged by the uid that the kernel
// vouches for. kThreads requests at a time on each socket, one request per connection: all others
// wait in the kernel's backlog, and those who look can't keep off those who change.
// Thread: one, whoever starts and stops it; requests on threads of each socket. Bounds:
// kRequestOctets and kRequestTime for reading a request; whoever takes nothing of its answer for
// kRequestTime gets no more of it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "app/admin_route.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

class AdminServer {
 public:
  static constexpr size_t kThreads = 2;  // of each socket: a stream keeps nobody off
  static constexpr size_t kRequestOctets = 80 * 1024;
  static constexpr size_t kBodyOctets = 64 * 1024;  // a message to be tested
  static constexpr std::chrono::seconds kRequestTime{1};

  enum class Access : uint8_t { Read, Change };
  struct Options {
    std::string path;
    Access access = Access::Read;
  };
  // Listens at once. A socket file that nobody listens at is replaced; a file of another kind is
  // not.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> start(const Options& options,
                                                                  const AdminRoutes& routes);
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
