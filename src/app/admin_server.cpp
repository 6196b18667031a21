#include "app/admin_server.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>
#include <semaphore>
#include <utility>

#include <fcntl.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "app/http_loop.h"
#include "app/unix_listener.h"
#include "net/file_descriptor.h"

namespace siplb::app {
namespace {

// The connection of one request, which has its octets and its time, both ways.
class BoundedStream final : public httplib::Stream {
 public:
  explicit BoundedStream(int fd) : fd_(fd), read_by_(Clock::now() + AdminServer::kRequestTime) {}

  [[nodiscard]] bool is_readable() const override { return wait(POLLIN, read_by_) != 0; }
  // Who has gone takes nothing.
  [[nodiscard]] bool is_writable() const override {
    const short ready = wait(POLLOUT, Clock::now() + AdminServer::kRequestTime);
    return ready != 0 && (ready & POLLHUP) == 0;
  }

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
  // What poll() says; 0 where that is nothing until then.
  [[nodiscard]] short wait(short events, Instant deadline) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd watched{.fd = fd_, .events = events, .revents = 0};
    const bool is_ready =
        left.count() > 0 && poll(&watched, 1, static_cast<int>(left.count())) == 1;
    return is_ready ? watched.revents : short{0};
  }

  int fd_;
  size_t octets_left_ = AdminServer::kRequestOctets;
  Instant read_by_;
};

// The thread that accepts waits for a free one, so that nothing piles up but in the backlog.
class FewThreads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override {
    free_.acquire();
    threads_.enqueue([this, done = std::move(task)] {
      done();
      free_.release();
    });
  }
  void shutdown() override { threads_.shutdown(); }

 private:
  std::counting_semaphore<> free_{AdminServer::kThreads};
  httplib::ThreadPool threads_{AdminServer::kThreads};
};

class UnixHttpServer final : public httplib::Server {
 public:
  // Takes the listener, and closes it.
  explicit UnixHttpServer(int listener) {
    svr_sock_ = listener;
    new_task_queue = [] { return new FewThreads; };
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

// True until the end of the stream or of who reads it.
bool send_all(AnswerStream& stream, const std::atomic<bool>& is_ending, httplib::DataSink& sink) {
  while (const auto piece = stream.next()) {
    const bool is_taken =
        piece->empty() ? sink.is_writable() : sink.write(piece->data(), piece->size());
    if (!is_taken) return false;
    if (is_ending) stream.stop();
  }
  sink.done();
  return true;
}

void put(const AdminAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_content(answer.body, answer.type);
}

void put_stream(const AdminAnswer& answer, const std::atomic<bool>& is_ending,
                httplib::Response& response) {
  response.status = answer.status;
  response.set_chunked_content_provider(
      answer.type, [stream = answer.stream, &is_ending](size_t, httplib::DataSink& sink) {
        return send_all(*stream, is_ending, sink);
      });
}

// Who asks, as the kernel says; nothing where it does not say.
std::optional<uint32_t> uid_of(const httplib::Request& request) {
  uint32_t uid = 0;
  const std::string& text = request.remote_addr;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), uid);
  return read.ec == std::errc{} ? std::optional(uid) : std::nullopt;
}

AdminRequest read_request(const httplib::Request& request) {
  AdminRequest out{.parts = {}, .query = {}, .body = request.body};
  for (size_t i = 1; i < request.matches.size(); ++i) out.parts.push_back(request.matches[i].str());
  for (const auto& [name, value] : request.params) out.query.emplace(name, value);
  return out;
}

httplib::Server::Handler handler_of(const AdminRoute& route, AdminServer::Access access,
                                    const std::atomic<bool>& is_ending) {
  if (route.access == AdminRoute::Access::Read) {
    return [answer = route.answer, &is_ending](const httplib::Request& request,
                                               httplib::Response& response) {
      const AdminAnswer made = answer(read_request(request));
      made.stream ? put_stream(made, is_ending, response) : put(made, response);
    };
  }
  if (access == AdminServer::Access::Read) {
    return [](const httplib::Request&, httplib::Response& response) {
      put(admin_error(403, "this socket only shows: changes go to the admin socket"), response);
    };
  }
  return [answer = route.answer](const httplib::Request& request, httplib::Response& response) {
    const auto uid = uid_of(request);
    if (!uid) return put(admin_error(403, "the kernel does not say who you are"), response);
    AdminRequest asked = read_request(request);
    asked.uid = *uid;
    put(answer(asked), response);
  };
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
  Impl(const Options& options, int listener, const AdminRoutes& routes)
      : path_(options.path), server_(listener) {
    struct stat made {};
    if (stat(path_.c_str(), &made) == 0) inode_ = made.st_ino;
    for (const AdminRoute& route : routes) {
      const auto handler = handler_of(route, options.access, is_ending_);
      route.method == AdminRoute::Method::Get ? server_.Get(route.path, handler)
                                              : server_.Post(route.path, handler);
    }
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      put(admin_error(response.status, text_of(response.status)), response);
    });
    loop_.start();
  }
  // A file that is another's by now is left to him.
  ~Impl() {
    is_ending_ = true;
    struct stat found {};
    if (stat(path_.c_str(), &found) == 0 && found.st_ino == inode_) unlink(path_.c_str());
  }

  [[nodiscard]] bool stop(Duration grace) {
    is_ending_ = true;
    return loop_.stop(grace);
  }

 private:
  std::string path_;
  ino_t inode_ = 0;
  std::atomic<bool> is_ending_{false};
  UnixHttpServer server_;
  HttpLoop loop_{server_};
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Options& options,
                                                        const AdminRoutes& routes) {
  const mode_t mode = options.access == Access::Change ? 0600 : 0660;
  const auto listener = listen_at({.path = options.path, .mode = mode});
  if (!listener) return tl::unexpected(listener.error());
  const int own = fcntl(listener->get(), F_DUPFD_CLOEXEC, 0);  // the library's, which closes it
  if (own < 0) return system_error(ErrorCode::HttpListen);
  return std::unique_ptr<AdminServer>(
      new AdminServer(std::make_unique<Impl>(options, own, routes)));
}

bool AdminServer::stop(Duration grace) {
  return impl_->stop(grace);
}

}  // namespace siplb::app
