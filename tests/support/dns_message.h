// DNS messages as a name server writes them (RFC 1035, 4.1), without compression.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/nameser.h>

#include "base/address.h"

namespace siplb::test {

class DnsMessage {
 public:
  using Octets = std::vector<uint8_t>;

  // An answer to a question of our own.
  DnsMessage(std::string_view host, uint16_t type) {
    octets_.resize(NS_HFIXEDSZ);
    octets_[5] = 1;  // QDCOUNT
    add_name(host);
    add16(type);
    add16(ns_c_in);
    set_code(ns_r_noerror);
  }

  // An answer to `query`, with its id and question.
  explicit DnsMessage(std::span<const uint8_t> query) : octets_(query.begin(), query.end()) {
    set_code(ns_r_noerror);
  }

  DnsMessage& set_code(uint8_t code) {
    octets_[2] |= 0x80;                              // a response
    octets_[3] = static_cast<uint8_t>(0x80 | code);  // recursion was available
    return *this;
  }

  DnsMessage& address(uint32_t ttl, std::string_view ip) {
    const SockAddress parsed = *SockAddress::parse_ip(ip, 0);
    const std::string_view octets = parsed.ip_octets();
    return record(parsed.is_v4() ? ns_t_a : ns_t_aaaa, ttl, {octets.begin(), octets.end()});
  }

  DnsMessage& alias(uint32_t ttl, std::string_view host) {
    return record(ns_t_cname, ttl, name(host));
  }

  struct Service {
    uint16_t priority = 0;
    uint16_t weight = 0;
    uint16_t port = 5060;
    std::string_view target;
  };
  DnsMessage& service(uint32_t ttl, const Service& service) {
    Octets data;
    for (const uint16_t number : {service.priority, service.weight, service.port}) {
      data.push_back(static_cast<uint8_t>(number >> 8));
      data.push_back(static_cast<uint8_t>(number));
    }
    const Octets target = name(service.target);
    data.insert(data.end(), target.begin(), target.end());
    return record(ns_t_srv, ttl, data);
  }

  DnsMessage& record(uint16_t type, uint32_t ttl, const Octets& data) {
    if (++octets_[7] == 0) ++octets_[6];  // ANCOUNT
    add_name("x");
    add16(type);
    add16(ns_c_in);
    add16(static_cast<uint16_t>(ttl >> 16));
    add16(static_cast<uint16_t>(ttl));
    add16(static_cast<uint16_t>(data.size()));
    octets_.insert(octets_.end(), data.begin(), data.end());
    return *this;
  }

  [[nodiscard]] const Octets& octets() const { return octets_; }

 private:
  [[nodiscard]] static Octets name(std::string_view host) {
    Octets octets;
    while (!host.empty()) {
      const std::string_view label = host.substr(0, host.find('.'));
      octets.push_back(static_cast<uint8_t>(label.size()));
      octets.insert(octets.end(), label.begin(), label.end());
      host.remove_prefix(std::min(host.size(), label.size() + 1));
    }
    octets.push_back(0);
    return octets;
  }

  void add_name(std::string_view host) {
    const Octets octets = name(host);
    octets_.insert(octets_.end(), octets.begin(), octets.end());
  }
  void add16(uint16_t number) {
    octets_.push_back(static_cast<uint8_t>(number >> 8));
    octets_.push_back(static_cast<uint8_t>(number));
  }

  Octets octets_;
};

}  // namespace siplb::test
