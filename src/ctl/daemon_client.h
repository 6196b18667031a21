// One request to siplbd by its admin socket.
//
// Thread: one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
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
  // An answer with status 200 comes piece by piece, until its end or until on_piece() is false, for
  // however long that takes; the body of any other is in the reply.
  using OnPiece = std::function<bool(std::string_view piece)>;
  [[nodiscard]] std::variant<Reply, NoReply> stream(const std::string& path,
                                                    const OnPiece& on_piece) const;
  [[nodiscard]] std::variant<Reply, NoReply> post(const std::string& path,
                                                  const std::string& body) const;

 private:
  std::string socket_;
};

}  // namespace siplb::ctl
