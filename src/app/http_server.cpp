#include "app/http_server.h"

#include <atomic>

#include <httplib.h>

#include "app/http_loop.h"

namespace siplb::app {
namespace {

// The library's default is SO_REUSEPORT, by which two daemons would share one address.
void share_nothing(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(std::function<std::string()> scrape) : scrape_(std::move(scrape)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kHttpThreads); };
    server_.set_socket_options(share_nothing);
    server_.set_keep_alive_max_count(1);
    server_.set_read_timeout(kHttpTimeout);
    server_.set_write_timeout(kHttpTimeout);
    server_.set_payload_max_length(0);
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(scrape_(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("alive\n", "text/plain");
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const bool ready = readiness_.load() == Readiness::Ready;
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "not ready\n", "text/plain");
    });
  }

  [[nodiscard]] bool stop(Duration grace) { return loop_.stop(grace); }

  [[nodiscard]] bool listen(const SockAddress& address) {
    const std::string host(address.ip_text());
    int port = address.port();
    if (port == 0) {
      port = server_.bind_to_any_port(host.c_str());
      if (port < 0) return false;
    } else if (!server_.bind_to_port(host.c_str(), port)) {
      return false;
    }
    address_ = address.with_port(static_cast<uint16_t>(port));
    loop_.start();
    return true;
  }

  [[nodiscard]] const SockAddress& address() const { return address_; }
  void set_readiness(Readiness readiness) { readiness_.store(readiness); }

 private:
  std::function<std::string()> scrape_;
  std::atomic<Readiness> readiness_{Readiness::NotReady};
  SockAddress address_;
  httplib::Server server_;
  HttpLoop loop_{server_};
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const SockAddress& address,
                                                      std::function<std::string()> scrape) {
  auto impl = std::make_unique<Impl>(std::move(scrape));
  errno = 0;
  if (!impl->listen(address)) return system_error(ErrorCode::HttpListen);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const SockAddress& HttpServer::address() const {
  return impl_->address();
}

bool HttpServer::stop(Duration grace) {
  return impl_->stop(grace);
}

void HttpServer::set_readiness(Readiness readiness) {
  impl_->set_readiness(readiness);
}

}  // namespace siplb::app
