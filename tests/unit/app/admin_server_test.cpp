#include "app/admin_server.h"

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "app/server_routes.h"
#include "controlled_pool.h"

namespace siplb::app {
namespace {
#include "app/server_routes.h"

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kDrain = R"({"state":"drain"})";

class AdminServerTest : public testing::Test {
 protected:
  void SetUp() override {
    pool_.start();
    change_ = start("admin.sock", AdminServer::Access::Change);
    read_ = start("read.sock", AdminServer::Access::Read);
  }

  std::unique_ptr<AdminServer> start(const char* name, AdminServer::Access access) {
    auto started =
        AdminServer::start({.path = path(name), .access = access}, server_routes(*pool_.control));
    EXPECT_TRUE(started.has_value());
    return std::move(*started);
  }
  [[nodiscard]] std::string path(const char* name) const { return pool_.folder / name; }

  httplib::Result get(const char* name, const std::string& resource) {
    httplib::ClientImpl client(path(name));
    client.set_address_family(AF_UNIX);
    return client.Get(resource);
  }
  httplib::Result post(const char* name, const std::string& body) {
    httplib::ClientImpl client(path(name));
    client.set_address_family(AF_UNIX);
    return client.Post("/v1/servers/pbx/s1", body, "application/json");
  }
  [[nodiscard]] int connect_to(const char* name) const {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path(name).c_str());
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  test::ControlledPool pool_;
  std::unique_ptr<AdminServer> change_;
  std::unique_ptr<AdminServer> read_;
};

TEST_F(AdminServerTest, ShowsServersAtBothSockets) {
  for (const char* name : {"admin.sock", "read.sock"}) {
    const auto all = get(name, "/v1/servers");
    ASSERT_TRUE(all) << httplib::to_string(all.error());
    EXPECT_EQ(all->status, 200);
    EXPECT_EQ(all->get_header_value("Content-Type"), "application/json");
    EXPECT_THAT(all->body, HasSubstr(R"("name":"s2")"));
    EXPECT_THAT(get(name, "/v1/servers/pbx/s1")->body, HasSubstr("transitions"));
    EXPECT_EQ(get(name, "/v1/servers/pbx/s3")->status, 404);
    EXPECT_EQ(get(name, "/v1/servers/pbx/s1/9")->status, 404);
  }
}

TEST_F(AdminServerTest, ChangesAtOneSocketAlone) {
  const auto refused = post("read.sock", kDrain);
  EXPECT_EQ(refused->status, 403);
  EXPECT_THAT(refused->body, HasSubstr("error"));
  EXPECT_EQ(pool_.plan_count, 0);

  EXPECT_EQ(post("admin.sock", kDrain)->status, 200);
  EXPECT_EQ(pool_.plan().targets[0].operator_state, balance::OperatorState::Drain);
}

TEST_F(AdminServerTest, LogsTheUidThatTheKernelVouchesFor) {
  EXPECT_EQ(post("admin.sock", kDrain)->status, 200);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("uid=" + std::to_string(getuid()) + '\n'));
}

TEST_F(AdminServerTest, LetsOnlyTheOwnerChangeAndTheGroupLook) {
  struct stat status {};
  ASSERT_EQ(stat(path("admin.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(path("read.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
}

TEST_F(AdminServerTest, AnswersWhatItDoesNotKnowAsJson) {
  for (const char* resource : {"/", "/v1", "/v1/servers/pbx", "/v1/servers/pbx/s1/s2/s3"}) {
    const auto answer = get("admin.sock", resource);
    EXPECT_EQ(answer->status, 404) << resource;
    EXPECT_EQ(answer->body, "{\"error\":\"no such resource\"}\n");
  }
}

TEST_F(AdminServerTest, TakesNoMoreThanItsBounds) {
  const auto long_body = post("admin.sock", std::string(AdminServer::kBodyOctets + 1, ' '));
  EXPECT_EQ(long_body->status, 413);
  EXPECT_EQ(long_body->body, "{\"error\":\"the body is too long\"}\n");
  const auto long_path = get("admin.sock", "/v1/servers/" + std::string(9000, 'x'));
  EXPECT_EQ(long_path->status, 414);
  const auto endless = get("admin.sock", '/' + std::string(AdminServer::kRequestOctets, 'x'));
  EXPECT_TRUE(!endless || endless->status >= 400);
  EXPECT_EQ(get("admin.sock", "/v1/servers")->status, 200);
}

TEST_F(AdminServerTest, WaitsForNobodyLongerThanItsTime) {
  std::vector<int> silent;
  while (silent.size() < AdminServer::kThreads) silent.push_back(connect_to("admin.sock"));
  const Instant began = Clock::now();
  EXPECT_EQ(get("admin.sock", "/v1/servers")->status, 200);
  EXPECT_GE(Clock::now() - began, AdminServer::kRequestTime / 2);
  for (const int fd : silent) {
    char octet = 0;
    EXPECT_EQ(recv(fd, &octet, 1, 0), 0);  // it was closed
    close(fd);
  }
}

TEST_F(AdminServerTest, LetsNobodyWhoLooksKeepOffThoseWhoChange) {
  const int silent = connect_to("read.sock");
  EXPECT_EQ(post("admin.sock", kDrain)->status, 200);
  close(silent);
}

TEST_F(AdminServerTest, RemovesItsFileUnlessItIsAnothersByNow) {
  change_.reset();
  EXPECT_FALSE(fs::exists(path("admin.sock")));

  fs::rename(path("read.sock"), path("old.sock"));
  const auto successor = start("read.sock", AdminServer::Access::Read);
  read_.reset();
  EXPECT_TRUE(fs::exists(path("read.sock")));
  EXPECT_EQ(get("read.sock", "/v1/servers")->status, 200);
}

TEST_F(AdminServerTest, SharesItsSocketWithNobody) {
  const auto second = AdminServer::start({.path = path("admin.sock")}, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
}

TEST_F(AdminServerTest, EndsWithinTheTimeOfARequest) {
  const int silent = connect_to("admin.sock");
  EXPECT_TRUE(change_->stop(std::chrono::seconds(10)));
  close(silent);
}

// Says "a" and "b"; then nothing until it is stopped, and "c" at the end.
class SlowStream final : public AnswerStream {
 public:
  explicit SlowStream(std::atomic<bool>& has_gone) : has_gone_(has_gone) {}
  ~SlowStream() override { has_gone_ = true; }
  std::optional<std::string> next() override {
    if (said_ < 2) return std::string(1, "ab"[said_++]);
    if (is_stopped_) return std::exchange(has_ended_, true) ? std::nullopt : std::optional("c");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return "";
  }
  void stop() override { is_stopped_ = true; }

 private:
  std::atomic<bool>& has_gone_;
  size_t said_ = 0;
  bool is_stopped_ = false;
  bool has_ended_ = false;
};

class AdminStreamTest : public AdminServerTest {
 protected:
  void SetUp() override {
    const auto stream = [this](const AdminRequest&) -> AdminAnswer {
      return {.type = "text/plain", .stream = std::make_shared<SlowStream>(has_gone_)};
    };
    const auto text = [](const AdminRequest&) -> AdminAnswer { return {.body = "text"}; };
    auto started = AdminServer::start(
        {.path = path("read.sock")},
        {{.path = "/stream", .answer = stream}, {.path = "/text", .answer = text}});
    ASSERT_TRUE(started.has_value());
    read_ = std::move(*started);
  }
  // Reads the stream on a thread until it ends, or until this returns false.
  void follow(std::function<bool(std::string_view so_far)> goes_on) {
    reader_ = std::thread([this, goes_on = std::move(goes_on)] {
      httplib::ClientImpl client(path("read.sock"));
      client.set_address_family(AF_UNIX);
      const auto result = client.Get("/stream", [&](const char* octets, size_t size) {
        taken_.append(octets, size);
        return goes_on(taken_);
      });
      is_whole_ = static_cast<bool>(result);
    });
  }
  ~AdminStreamTest() override {
    if (reader_.joinable()) reader_.join();
  }

  std::atomic<bool> has_gone_{false};
  std::thread reader_;
  std::string taken_;
  bool is_whole_ = false;
};

TEST_F(AdminStreamTest, KeepsNobodyOffAndEndsWhenItsReaderGoes) {
  std::atomic<bool> has_begun{false};
  follow([&](std::string_view so_far) {
    has_begun = true;
    return so_far != "ab";
  });
  while (!has_begun) std::this_thread::yield();
  EXPECT_EQ(get("read.sock", "/text")->body, "text");
  reader_.join();
  while (!has_gone_) std::this_thread::yield();
}

TEST_F(AdminStreamTest, SaysItsLastWhenTheServerStops) {
  std::atomic<bool> has_all{false};
  follow([&](std::string_view so_far) {
    has_all = so_far == "ab";
    return true;
  });
  while (!has_all) std::this_thread::yield();
  EXPECT_TRUE(read_->stop(std::chrono::seconds(10)));
  reader_.join();
  EXPECT_EQ(taken_, "abc");
  EXPECT_TRUE(is_whole_);
  EXPECT_TRUE(has_gone_);
}

}  // namespace
}  // namespace siplb::app
