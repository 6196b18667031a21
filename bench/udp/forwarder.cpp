// A forwarder that does nothing else: what the kernel alone costs, beside which siplbd is measured.
//
// One socket, one server. What comes from the server goes to the client last heard of, everything
// else goes to the server. Same batches as siplbd: recvmmsg and sendmmsg of up to 64.
// Usage: forwarder SERVER-PORT; prints its own port. Ends at SIGTERM.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

constexpr size_t kBatchMax = 64;
constexpr size_t kOctetsMax = 2048;

struct Batch {
  std::array<std::array<char, kOctetsMax>, kBatchMax> octets;
  std::array<sockaddr_in, kBatchMax> addresses;
  std::array<iovec, kBatchMax> pieces;
  std::array<mmsghdr, kBatchMax> messages;
};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int receive(int fd, Batch& batch) {
  for (size_t i = 0; i < kBatchMax; ++i) {
    batch.pieces[i] = {batch.octets[i].data(), kOctetsMax};
    batch.messages[i].msg_hdr = {.msg_name = &batch.addresses[i],
                                 .msg_namelen = sizeof(sockaddr_in),
                                 .msg_iov = &batch.pieces[i],
                                 .msg_iovlen = 1,
                                 .msg_control = nullptr,
                                 .msg_controllen = 0,
                                 .msg_flags = 0};
  }
  return recvmmsg(fd, batch.messages.data(), kBatchMax, MSG_DONTWAIT, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const sockaddr_in server = loopback(static_cast<uint16_t>(std::atoi(argv[1])));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int receive_buffer = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in self = loopback(0);
  socklen_t length = sizeof self;
  if (bind(fd, reinterpret_cast<sockaddr*>(&self), length) != 0) return 1;
  getsockname(fd, reinterpret_cast<sockaddr*>(&self), &length);
  std::printf("%u\n", ntohs(self.sin_port));
  std::fflush(stdout);

  const int loop = epoll_create1(0);
  epoll_event interest{.events = EPOLLIN | EPOLLET, .data = {}};
  epoll_ctl(loop, EPOLL_CTL_ADD, fd, &interest);
  static Batch batch;
  sockaddr_in client{};
  while (true) {
    epoll_wait(loop, &interest, 1, -1);
    for (int count = receive(fd, batch); count > 0; count = receive(fd, batch)) {
      for (int i = 0; i < count; ++i) {
        const auto at = static_cast<size_t>(i);
        batch.pieces[at].iov_len = batch.messages[at].msg_len;
        const bool from_server = batch.addresses[at].sin_port == server.sin_port;
        if (!from_server) client = batch.addresses[at];
        batch.addresses[at] = from_server ? client : server;
      }
      sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(count), 0);
    }
  }
}
