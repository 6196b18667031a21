#include "ctl/daemon_client.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <httplib.h>

namespace siplb::ctl {
namespace {

// More than the daemon takes for a reload with all its names.
constexpr std::chrono::seconds kPatience{30};
// In a stream there may be nothing to say for as long as it is asked for.
constexpr std::chrono::hours kStreamPatience{24};

class UnixClient : public httplib::ClientImpl {
 public:
  explicit UnixClient(const std::string& socket) : httplib::ClientImpl(socket) {
    set_address_family(AF_UNIX);
    set_read_timeout(kPatience);
    set_default_headers({{"Host", "localhost"}});  // else it would be the path
    errno = 0;
  }
};

std::variant<Reply, NoReply> reply_of(const httplib::Result& result) {
  if (result) return Reply{.status = result->status, .body = result->body};
  if (result.error() == httplib::Error::Connection && errno != 0) {
    return NoReply{std::strerror(errno)};
  }
  return NoReply{"no answer (" + httplib::to_string(result.error()) + ')'};
}

}  // namespace

std::variant<Reply, NoReply> DaemonClient::get(const std::string& path) const {
  return reply_of(UnixClient(socket_).Get(path));
}

std::variant<Reply, NoReply> DaemonClient::stream(const std::string& path,
                                                  const OnPiece& on_piece) const {
  UnixClient client(socket_);
  client.set_read_timeout(kStreamPatience);
  Reply reply;
  const auto on_head = [&reply](const httplib::Response& head) {
    reply.status = head.status;
    return true;
  };
  const auto on_body = [&](const char* octets, size_t size) {
    if (reply.status == 200) return on_piece({octets, size});
    reply.body.append(octets, size);
    return true;
  };
  const auto result = client.Get(path, on_head, on_body);
  if (!result) return reply_of(result);
  return reply;
}

std::variant<Reply, NoReply> DaemonClient::post(const std::string& path,
                                                const std::string& body) const {
  return reply_of(UnixClient(socket_).Post(path, body, "application/json"));
}

}  // namespace siplb::ctl
