// A name server on loopback, for which the test itself reads and answers.
//
// Thread: one.
#pragma once

#include <string>

#include <gtest/gtest.h>
#include <poll.h>

#include "support/dns_message.h"
#include "support/loopback.h"

namespace siplb::test {

class NameServer {
 public:
  NameServer() : fd_(open_plain(loopback(SockAddress::Family::V4))) {}

  [[nodiscard]] SockAddress address() const { return address_of(fd_.get()); }

  struct Query {
    DnsMessage::Octets octets;
    std::string host;
    uint16_t type = 0;
    sockaddr_storage from{};
    socklen_t from_length = sizeof from;
  };
  // The next query, which has to be there already.
  Query take() {
    Query query;
    query.octets.resize(512);
    const ssize_t length = ::recvfrom(fd_.get(), query.octets.data(), query.octets.size(), 0,
                                      reinterpret_cast<sockaddr*>(&query.from), &query.from_length);
    if (length < NS_HFIXEDSZ) {
      ADD_FAILURE() << "no query";
      return query;
    }
    query.octets.resize(static_cast<size_t>(length));
    size_t i = NS_HFIXEDSZ;
    for (; query.octets[i] != 0; i += 1 + query.octets[i]) {
      const auto label = query.octets.begin() + static_cast<ptrdiff_t>(i) + 1;
      query.host.append(label, label + query.octets[i]).append(1, '.');
    }
    query.type = query.octets[i + 2];
    return query;
  }
  void reply(const Query& query, const DnsMessage& message) {
    const auto& octets = message.octets();
    ASSERT_EQ(::sendto(fd_.get(), octets.data(), octets.size(), 0,
                       reinterpret_cast<const sockaddr*>(&query.from), query.from_length),
              static_cast<ssize_t>(octets.size()));
  }
  [[nodiscard]] bool has_query() {
    pollfd poll{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }

 private:
  net::FileDescriptor fd_;
};

}  // namespace siplb::test
