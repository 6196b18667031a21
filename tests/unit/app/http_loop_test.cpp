#include "app/http_loop.h"

#include <semaphore>

#include <gtest/gtest.h>
#include <httplib.h>

namespace siplb::app {
namespace {

class HttpLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      is_asked_.release();
      may_answer_.acquire();
      response.set_content("here", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    loop_.start();
  }

  std::binary_semaphore is_asked_{0};
  std::counting_semaphore<> may_answer_{0};
  httplib::Server server_;
  int port_ = 0;
  HttpLoop loop_{server_};
};

TEST_F(HttpLoopTest, ServesOnceItHasStarted) {
  may_answer_.release();
  const auto answer = httplib::Client("127.0.0.1", port_).Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "here");
  EXPECT_TRUE(loop_.stop(std::chrono::seconds(10)));
}

TEST_F(HttpLoopTest, SaysThatARequestIsStillUnderWay) {
  std::thread client([this] { (void)httplib::Client("127.0.0.1", port_).Get("/"); });
  is_asked_.acquire();
  EXPECT_FALSE(loop_.stop(Duration::zero()));
  may_answer_.release();
  EXPECT_TRUE(loop_.stop(std::chrono::seconds(10)));
  client.join();
}

TEST_F(HttpLoopTest, EndsEvenIfNobodyEverAsked) {}

TEST(HttpLoopUnstartedTest, EndsEvenIfItWasNeverStarted) {
  httplib::Server server;
  const HttpLoop loop(server);
}

}  // namespace
}  // namespace siplb::app
