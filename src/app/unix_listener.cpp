#include "app/unix_listener.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace siplb::app {
namespace {

constexpr int kBacklog = 16;

net::FileDescriptor open_socket() {
  return net::FileDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool is_socket(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

// True where whoever made the socket file is gone. A full backlog (EAGAIN) is somebody.
bool is_left_over(const std::string& path, const sockaddr_un& address) {
  if (!is_socket(path)) return false;
  const net::FileDescriptor caller = open_socket();
  return connect(caller.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

bool bind_to(int fd, const std::string& path, const sockaddr_un& address) {
  const auto* native = reinterpret_cast<const sockaddr*>(&address);
  if (bind(fd, native, sizeof address) == 0) return true;
  if (errno != EADDRINUSE) return false;
  if (!is_left_over(path, address)) {
    errno = EADDRINUSE;
    return false;
  }
  unlink(path.c_str());
  return bind(fd, native, sizeof address) == 0;
}

}  // namespace

Result<net::FileDescriptor> listen_at(const UnixListenerOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return system_error(ErrorCode::SocketBind);
  }
  std::memcpy(address.sun_path, options.path.data(), options.path.size());
  net::FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.is_open()) return system_error(ErrorCode::SocketOpen);
  if (!bind_to(listener.get(), options.path, address)) {
    return system_error(errno == EADDRINUSE ? ErrorCode::AddressInUse : ErrorCode::SocketBind);
  }
  if (chmod(options.path.c_str(), options.mode) != 0 || listen(listener.get(), kBacklog) != 0) {
    return system_error(ErrorCode::SocketBind);
  }
  return listener;
}

}  // namespace siplb::app
