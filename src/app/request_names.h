// Resolves the names in servers' requests for the lanes, which never wait: they ask, and see the
// answer in the next book (proxy/name_book.h).
//
//   lanes -- NameAsks::ask(): a bounded mailbox --> this thread: app/wanted_names.h, DNS
//   lanes <-- books(): the whole of what is known, replaced at each change
//
// A second c-ares channel besides that of servers' names: whatever requests ask for, servers are
// found as before.
// Thread: one, the control thread; ask() and the counters from any.
// Bounds: those of WantedNames; kAsksPerSecond; kAsksWaiting asks that are not taken up yet.
#pragma once

#include <memory>
#include <vector>

#include "app/dns_client.h"
#include "app/wanted_names.h"
#include "balance/rate_limit.h"
#include "base/published.h"
#include "net/file_descriptor.h"
#include "net/mailbox.h"
#include "observe/metrics.h"
#include "proxy/name_book.h"

namespace siplb::app {

class RequestNames final : public proxy::NameAsks {
 public:
  static constexpr uint32_t kAsksPerSecond = 100;  // of all lanes
  static constexpr size_t kAsksWaiting = 64;

  struct Options {
    DnsClient::Options dns;
    size_t book_readers = 1;
  };
  [[nodiscard]] static Result<std::unique_ptr<RequestNames>> create(const Options& options);
  // What it occupies at most, for the memory budget.
  [[nodiscard]] static size_t memory_octets();

  proxy::AskStatus ask(const proxy::NameKey& name, Instant now) override;
  // The readers are the caller's to number.
  [[nodiscard]] Published<proxy::NameBook>& books() { return books_; }
  // Borrowed of this.
  [[nodiscard]] observe::RequestNameCounters metrics() const;

  // Readable when run() has something to do.
  [[nodiscard]] int descriptor() const { return epoll_.get(); }
  // When to call run() at the latest.
  [[nodiscard]] Instant next_deadline() const;
  enum class [[nodiscard]] News : uint8_t{Nothing, Book};
  // Takes up what was asked, asks the name servers, and publishes a new book where there is one.
  News run(Instant now);

 private:
  explicit RequestNames(const Options& options);
  [[nodiscard]] Result<void> open(const DnsClient::Options& options);

  balance::RateLimit rate_{kAsksPerSecond};
  std::unique_ptr<net::Mailbox> asks_;
  net::FileDescriptor bell_;   // there are asks
  net::FileDescriptor epoll_;  // the bell, and the client's
  WantedNames names_;
  Published<proxy::NameBook> books_;
  std::unique_ptr<DnsClient> client_;  // asks for names_: ends before it
};

}  // namespace siplb::app
