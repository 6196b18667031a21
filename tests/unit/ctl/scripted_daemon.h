// What siplbctl talks to in its tests: a UNIX socket that answers as the test says, and keeps what
// it was asked.
#pragma once

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <httplib.h>

namespace siplb::test {

class ScriptedDaemon {
 public:
  ScriptedDaemon() {
    std::string name = testing::TempDir() + "siplb-ctl-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
      asked = request.method + ' ' + request.target + ' ' + request.body;
      const auto found = bodies.find(request.path);
      if (found != bodies.end() && !found->second.empty()) {
        body = found->second.front();
        if (found->second.size() > 1) found->second.pop_front();
      }
      response.status = status;
      response.set_content(body, "application/json");
    };
    server_.set_address_family(AF_UNIX);
    server_.Get(".*", handler);
    server_.Post(".*", handler);
    EXPECT_TRUE(server_.bind_to_port(socket(), 80));
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~ScriptedDaemon() {
    server_.stop();
    thread_.join();
    std::filesystem::remove_all(folder_);
  }
  ScriptedDaemon(const ScriptedDaemon&) = delete;
  ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;

  [[nodiscard]] std::string socket() const { return folder_ / "admin.sock"; }

  // Of all answers; set between requests.
  int status = 200;
  std::string body = "{}";
  // By path, in their order; the last one stays.
  std::map<std::string, std::deque<std::string>> bodies;
  std::string asked;  // "POST /path?query body"

 private:
  std::filesystem::path folder_;
  httplib::Server server_;
  std::thread thread_;
};

}  // namespace siplb::test
