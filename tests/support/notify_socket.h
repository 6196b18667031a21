// Hears what a service manager would: NOTIFY_SOCKET of this process, at a name that the kernel
// makes up.
//
// Thread: next() any one; made before others read the environment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include "net/file_descriptor.h"

namespace siplb::test {

struct Notification {
  std::string text;
  std::vector<net::FileDescriptor> fds;
};

class NotifySocket {
 public:
  NotifySocket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name.sun_family), 0);
    socklen_t length = sizeof name;
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &length), 0);
    const size_t text_length = length - offsetof(sockaddr_un, sun_path) - 1;
    setenv("NOTIFY_SOCKET", ("@" + std::string(name.sun_path + 1, text_length)).c_str(), 1);
  }
  ~NotifySocket() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // Waits for it.
  [[nodiscard]] Notification next() const {
    std::array<char, 512> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    EXPECT_GE(length, 0);
    Notification heard{{text.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))}, {}};
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_type != SCM_RIGHTS) continue;  // or who sent it
      const auto* fds = reinterpret_cast<const int*>(CMSG_DATA(head));
      for (size_t i = 0; i < (head->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
        heard.fds.emplace_back(fds[i]);
      }
    }
    return heard;
  }

 private:
  net::FileDescriptor fd_;
};

}  // namespace siplb::test
