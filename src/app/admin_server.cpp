#include "app/admin_server.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>

#include <fcntl.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "app/http_loop.h"
#include "app/unix_listener.h"

namespace siplb::app {
namespace {

constexpr const char* kAllServers = "/v1/servers";
// "s1/3" is a place of a name.
constexpr const char* kOneServer = R"(/v1/servers/([\w-]{1,32})/([\w-]{1,32}(?:/\d)?))";

// The connection of one request, which has its octets and its time, both ways.
class BoundedStream final : public httplib::Stream {
 public:
  explicit BoundedStream(int fd) : fd_(fd), read_by_(Clock::now() + AdminServer::kRequestTime) {}

  [[nodiscard]] bool is_readable() const override { return wait(POLLIN, read_by_); }
  [[nodiscard]] bool is_writable() const override { return wait(POLLOUT, write_by()); }

  ssize_t read(char* octets, size_t size) override {
    const size_t room = std::min(size, octets_left_);
    if (room == 0 || !is_readable()) return -1;
    const ssize_t length = recv(fd_, octets, room, MSG_DONTWAIT);
    if (length > 0) octets_left_ -= static_cast<size_t>(length);
    return length;
  }
  ssize_t write(const char* octets, size_t size) override {
    if (!is_writable()) return -1;
    return send(fd_, octets, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  // Who asks stands where others have an address: the uid.
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ucred peer{};
    socklen_t length = sizeof peer;
    const bool is_known = getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    ip = is_known ? std::to_string(peer.uid) : std::string();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return fd_; }

 private:
  // The answer's time begins with its first octet, since a verb may take a while.
  [[nodiscard]] Instant write_by() const {
    if (!write_by_) write_by_ = Clock::now() + AdminServer::kRequestTime;
    return *write_by_;
  }
  [[nodiscard]] bool wait(short events, Instant deadline) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd watched{.fd = fd_, .events = events, .revents = 0};
    return poll(&watched, 1, static_cast<int>(left.count())) == 1;
  }

  int fd_;
  size_t octets_left_ = AdminServer::kRequestOctets;
  Instant read_by_;
  mutable std::optional<Instant> write_by_;
};

// No pool: the thread that accepts does the work, so that nothing piles up but in the backlog.
class SameThread final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

class UnixHttpServer final : public httplib::Server {
 public:
  // Takes the listener, and closes it.
  explicit UnixHttpServer(int listener) {
    svr_sock_ = listener;
    new_task_queue = [] { return new SameThread; };
    set_payload_max_length(AdminServer::kBodyOctets);
  }

 private:
  bool process_and_close_socket(socket_t fd) override {
    const net::FileDescriptor closed_at_the_end(fd);
    BoundedStream stream(fd);
    bool is_closed = false;
    return process_request(stream, true, is_closed, nullptr);
  }
};

void put(const AdminApi::Answer& answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_content(answer.body, "application/json");
}

// What the library answers by itself.
std::string_view text_of(int status) {
  switch (status) {
    case 404: return "no such resource";
    case 413: return "the body is too long";
    case 414: return "the path is too long";
    default: return "not understood";
  }
}

}  // namespace

class AdminServer::Impl {
 public:
  Impl(const Options& options, int listener, Control& control)
      : path_(options.path), api_(control), server_(listener) {
    struct stat made {};
    if (stat(path_.c_str(), &made) == 0) inode_ = made.st_ino;
    serve_reads();
    options.access == Access::Change ? serve_changes() : refuse_changes();
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      put(AdminApi::error(response.status, text_of(response.status)), response);
    });
    loop_.start();
  }
  // A file that is another's by now is left to him.
  ~Impl() {
    struct stat found {};
    if (stat(path_.c_str(), &found) == 0 && found.st_ino == inode_) unlink(path_.c_str());
  }

  [[nodiscard]] bool stop(Duration grace) { return loop_.stop(grace); }

 private:
  void serve_reads() {
    server_.Get(kAllServers, [this](const httplib::Request&, httplib::Response& response) {
      put(api_.show_servers(), response);
    });
    server_.Get(kOneServer, [this](const httplib::Request& request, httplib::Response& response) {
      put(api_.show_server(request.matches[1].str(), request.matches[2].str()), response);
    });
  }

  void serve_changes() {
    server_.Post(kOneServer, [this](const httplib::Request& request, httplib::Response& response) {
      uint32_t uid = 0;
      const std::string& text = request.remote_addr;
      if (std::from_chars(text.data(), text.data() + text.size(), uid).ec != std::errc{}) {
        return put(AdminApi::error(403, "the kernel does not say who you are"), response);
      }
      const std::string group = request.matches[1].str();
      const std::string server = request.matches[2].str();
      put(api_.change_server({.group = group, .server = server, .body = request.body, .uid = uid}),
          response);
    });
  }

  void refuse_changes() {
    server_.Post(kOneServer, [](const httplib::Request&, httplib::Response& response) {
      put(AdminApi::error(403, "this socket only shows: changes go to the admin socket"), response);
    });
  }

  std::string path_;
  ino_t inode_ = 0;
  AdminApi api_;
  UnixHttpServer server_;
  HttpLoop loop_{server_};
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Options& options, Control& control) {
  const mode_t mode = options.access == Access::Change ? 0600 : 0660;
  const auto listener = listen_at({.path = options.path, .mode = mode});
  if (!listener) return tl::unexpected(listener.error());
  const int own = fcntl(listener->get(), F_DUPFD_CLOEXEC, 0);  // the library's, which closes it
  if (own < 0) return system_error(ErrorCode::HttpListen);
  return std::unique_ptr<AdminServer>(
      new AdminServer(std::make_unique<Impl>(options, own, control)));
}

bool AdminServer::stop(Duration grace) {
  return impl_->stop(grace);
}

}  // namespace siplb::app
