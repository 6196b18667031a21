// What the names of servers lead to, asked again and again: app/lookups.h says what to ask and
// when, and keeps what is known; app/dns_client.h asks.
//
// Thread: one, the control thread; the counters from any. Bounds: those of both.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/dns_client.h"
#include "app/lookups.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

class Resolver {
 public:
  using Options = DnsClient::Options;
  [[nodiscard]] static Result<std::unique_ptr<Resolver>> create(const Options& options);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // As Lookups::set_names(): what is known of names that stay is kept.
  void set_names(std::vector<HostName> names) { lookups_.set_names(std::move(names)); }
  // True once each name has been asked for: waiting longer brings nothing new.
  [[nodiscard]] bool is_settled() const { return lookups_.is_settled(); }
  // As Lookups::addresses().
  [[nodiscard]] std::optional<std::vector<NamedAddress>> addresses(size_t name) const {
    return lookups_.addresses(name);
  }
  [[nodiscard]] const LookupCounters& counters() const { return lookups_.counters(); }

  // As DnsClient's.
  [[nodiscard]] int descriptor() const { return client_->descriptor(); }
  [[nodiscard]] Instant next_deadline() const { return client_->next_deadline(); }
  using News = DnsClient::News;
  News run(Instant now) { return client_->run(now); }

 private:
  Resolver() = default;

  Lookups lookups_;
  std::unique_ptr<DnsClient> client_;  // asks for lookups_: ends before it
};

}  // namespace siplb::app
