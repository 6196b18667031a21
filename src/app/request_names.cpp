#include "app/request_names.h"

#include <algorithm>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace siplb::app {
namespace {

// Besides the host, which is the mail's octets.
struct AskLabel {
  uint16_t port = 0;
  std::optional<sip::Transport> transport;
};

constexpr net::MailboxOptions kMailbox{.small_count = RequestNames::kAsksWaiting, .large_count = 2};

[[nodiscard]] bool watch(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<RequestNames>> RequestNames::create(const Options& options) {
  std::unique_ptr<RequestNames> names(new RequestNames(options));
  if (const auto opened = names->open(options.dns); !opened) {
    return tl::unexpected(opened.error());
  }
  return names;
}

RequestNames::RequestNames(const Options& options)
    : books_(options.book_readers, std::make_unique<const proxy::NameBook>()) {}

Result<void> RequestNames::open(const DnsClient::Options& options) {
  auto asks = net::Mailbox::open(kMailbox);
  if (!asks) return tl::unexpected(asks.error());
  asks_ = std::move(*asks);
  auto client = DnsClient::create(options, names_);
  if (!client) return tl::unexpected(client.error());
  client_ = std::move(*client);
  bell_ = net::FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell_.is_open()) return system_error(ErrorCode::EventFdOpen);
  epoll_ = net::FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.is_open() || !watch(epoll_.get(), bell_.get()) ||
      !watch(epoll_.get(), client_->descriptor())) {
    return system_error(ErrorCode::EpollSetUp);
  }
  return {};
}

size_t RequestNames::memory_octets() {
  return net::Mailbox::memory_octets(kMailbox) +
         WantedNames::kNamesMax * WantedNames::memory_octets_of_one();
}

proxy::AskStatus RequestNames::ask(const proxy::NameKey& name, Instant now) {
  if (!rate_.admit(now)) return proxy::AskStatus::TooMany;
  const auto label = net::MailHeader::of(AskLabel{name.port, name.transport});
  // Whatever is asked is new work; there is nothing here that would be more urgent.
  if (asks_->post(net::MailClass::Urgent, label, name.host) != net::PostStatus::Posted) {
    return proxy::AskStatus::Full;
  }
  const uint64_t one = 1;
  // It fails only where it is readable already.
  static_cast<void>(write(bell_.get(), &one, sizeof one));
  return proxy::AskStatus::Asked;
}

observe::RequestNameCounters RequestNames::metrics() const {
  const WantedNameCounters& counters = names_.counters();
  observe::RequestNameCounters out{
      .lookups = {}, .names = &counters.names, .evicted = &counters.evicted};
  for (size_t i = 0; i < counters.results.kSize; ++i) {
    const auto result = static_cast<LookupResult>(i);
    out.lookups.push_back({name(result), counters.results[result]});
  }
  return out;
}

Instant RequestNames::next_deadline() const {
  return std::min(client_->next_deadline(), names_.next_forgotten());
}

RequestNames::News RequestNames::run(Instant now) {
  // Before the asks: who posts one later rings again.
  uint64_t count = 0;
  static_cast<void>(read(bell_.get(), &count, sizeof count));
  static_cast<void>(asks_->drain(kAsksWaiting, [&](const net::Mail& mail) {
    const auto label = mail.header.as<AskLabel>();
    proxy::NameKey name{.host = {}, .port = label.port, .transport = label.transport};
    name.host.append({mail.octets.data(), mail.octets.size()});
    names_.want(name, now);
  }));
  static_cast<void>(client_->run(now));
  names_.forget_unused(now);
  auto book = names_.take_book();
  if (book == nullptr) return News::Nothing;
  books_.publish(std::move(book));
  return News::Book;
}

}  // namespace siplb::app
