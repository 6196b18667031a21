// A verb of the admin sockets: where it is asked for, who may, and what answers.
//
// Each part that has something to say makes a list of these (admin_api.h); the sockets
// (admin_server.h) serve whatever is in the lists and know no verb.
// Thread: any, plain values; answers are made on the sockets' threads, kThreads of each at a time.
// A stream is its asker's thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siplb::app {

struct Refusal;

struct AdminRequest {
  std::vector<std::string> parts;            // what the groups of the path's expression matched
  std::map<std::string, std::string> query;  // ?since=5
  std::string_view body;
  uint32_t uid = 0;  // whose; meaningful where the route is for changes

  // Empty where it is not given.
  [[nodiscard]] std::string_view parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string_view() : found->second;
  }
};

// An answer that comes in pieces, while its asker waits.
class AnswerStream {
 public:
  virtual ~AnswerStream() = default;
  // The next piece, waited for a moment: empty where there is none yet, nothing at the end.
  [[nodiscard]] virtual std::optional<std::string> next() = 0;
  // siplbd ends: next() says its last.
  virtual void stop() = 0;
};

struct AdminAnswer {
  int status = 200;
  std::string body;
  const char* type = "application/json";
  std::shared_ptr<AnswerStream> stream = nullptr;  // instead of the body
};

// {"error": "..."}
[[nodiscard]] AdminAnswer admin_error(int status, std::string_view text);
[[nodiscard]] AdminAnswer admin_error(const Refusal& refusal);

struct AdminRoute {
  enum class Method : uint8_t { Get, Post };
  enum class Access : uint8_t {
    Read,    // at both sockets
    Change,  // at the change socket alone, where the kernel vouches for the uid
  };
  Method method = Method::Get;
  Access access = Access::Read;
  std::string path;  // a regular expression (ECMAScript) that matches all of it
  std::function<AdminAnswer(const AdminRequest&)> answer;
};
using AdminRoutes = std::vector<AdminRoute>;

}  // namespace siplb::app
