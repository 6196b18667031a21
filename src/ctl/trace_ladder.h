// Calls as ladders: what siplbd tells of a trace, drawn line by line as it comes, in 80 columns.
//
//   Call 1 at 16:00:00.250: a84b4c76@10.0.0.5
//             192.0.2.1:5060                  siplb
//      0.000  |--INVITE sip:bob@example.com---->|                                 |
//                                                                            pbx/s1
//      0.010  |                                 |--INVITE sip:bob@example.com---->|
//
// On the left is who began the call, on the right whom it went to. Whoever joins takes the place of
// his like, and is named above his first line.
// Thread: one. Bounds: a few names for each call of the trace, which has bounds of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace siplb::ctl {

class TraceLadder {
 public:
  // Takes a line of the stream (docs/admin-api.md), and returns what it adds to the picture. One of
  // another shape makes it throw std::exception.
  [[nodiscard]] std::string add(const std::string& line);

 private:
  struct Party {
    std::string name;  // empty: not known yet
    bool is_server = false;
    bool operator==(const Party&) const = default;
  };
  struct Call {
    size_t number = 0;   // 0: it is new
    std::string began;   // the time of day
    double seconds = 0;  // since the trace began
    Party left;
    Party right;
  };
  struct Message;
  enum class Half : uint8_t { Left, Right };

  [[nodiscard]] std::string draw(const Message& message);
  // What stands above a line of `call`, which was as `before` until now.
  [[nodiscard]] std::string name_parties(const Message& message, const Call& before,
                                         const Call& call);
  // Where the message's party stands; puts him there if he is new.
  [[nodiscard]] static Half place(const Message& message, Call& call);

  std::map<std::string, Call> calls_;  // by Call-ID
  std::string last_call_;              // which the last line is of
};

}  // namespace siplb::ctl
