// One request to siplbd by its admin socket.
//
// Thread: one.
#pragma once

#include <string>
#include <variant>

namespace siplb::ctl {

struct Reply {
  int status = 0;  // of HTTP
  std::string body;
};
// Why there is no reply, for people.
struct NoReply {
  std::string reason;
};

class DaemonClient {
 public:
  explicit DaemonClient(std::string socket) : socket_(std::move(socket)) {}

  [[nodiscard]] std::variant<Reply, NoReply> get(const std::string& path) const;
  [[nodiscard]] std::variant<Reply, NoReply> post(const std::string& path,
                                                  const std::string& body) const;

 private:
  std::string socket_;
};

}  // namespace siplb::ctl
