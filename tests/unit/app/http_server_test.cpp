#include "app/http_server.h"

#include <gtest/gtest.h>
#include <httplib.h>

namespace siplb::app {
namespace {

constexpr uint32_t kLoopback = 0x7f000001;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    auto started = HttpServer::start(SockAddress::v4(kLoopback, 0), [this] {
      return "scrape " + std::to_string(++scrapes_) + "\n";
    });
    EXPECT_TRUE(started.has_value());
    server_ = std::move(*started);
  }

  httplib::Result get(const char* path) {
    return httplib::Client("127.0.0.1", server_->address().port()).Get(path);
  }

  int scrapes_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, TellsThePortThatItWasGiven) {
  EXPECT_NE(server_->address().port(), 0);
}

TEST_F(HttpServerTest, ScrapesAnewForEachRequest) {
  EXPECT_EQ(get("/metrics")->body, "scrape 1\n");
  const auto second = get("/metrics");
  EXPECT_EQ(second->body, "scrape 2\n");
  EXPECT_EQ(second->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(HttpServerTest, IsReadyOnlyWhenToldSoButAlwaysAlive) {
  EXPECT_EQ(get("/readyz")->status, 503);
  EXPECT_EQ(get("/healthz")->status, 200);
  server_->set_readiness(HttpServer::Readiness::Ready);
  EXPECT_EQ(get("/readyz")->status, 200);
  server_->set_readiness(HttpServer::Readiness::NotReady);
  EXPECT_EQ(get("/readyz")->status, 503);
  EXPECT_EQ(get("/healthz")->status, 200);
}

TEST_F(HttpServerTest, KnowsNothingElseAndTakesNoOtherMethod) {
  EXPECT_EQ(get("/etc/passwd")->status, 404);
  httplib::Client client("127.0.0.1", server_->address().port());
  EXPECT_EQ(client.Post("/metrics")->status, 404);
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(HttpServerTest, SharesItsPortWithNobody) {
  const auto second = HttpServer::start(server_->address(), [] { return std::string(); });
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::HttpListen);
}

TEST_F(HttpServerTest, TakesNoBodies) {
  httplib::Client client("127.0.0.1", server_->address().port());
  EXPECT_EQ(client.Post("/metrics", std::string(1 << 20, 'x'), "text/plain")->status, 413);
}

TEST_F(HttpServerTest, StopsWhileAClientIsSilent) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage native;
  const socklen_t length = server_->address().to(native);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&native), length), 0);
  EXPECT_EQ(get("/healthz")->status, 200);  // the other thread of the pool
  EXPECT_TRUE(server_->stop(std::chrono::seconds(10)));
  close(fd);
}

TEST_F(HttpServerTest, SaysWhenAClientHoldsItBeyondTheGrace) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage native;
  const socklen_t length = server_->address().to(native);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&native), length), 0);
  EXPECT_EQ(get("/healthz")->status, 200);
  EXPECT_FALSE(server_->stop(std::chrono::nanoseconds(0)));
  close(fd);
}

TEST_F(HttpServerTest, EndsAtOnceEvenIfNobodyEverAsked) {
  server_.reset();
}

}  // namespace
}  // namespace siplb::app
