#include "app/dns_client.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "net/file_descriptor.h"

namespace siplb::app {
namespace {

// /etc/hosts says for how long nothing of it is good.
constexpr std::chrono::seconds kHostsFileTtl{10};

LookupResult result_of(int status) {
  switch (status) {
    case ARES_SUCCESS: return LookupResult::Answered;
    case ARES_ENOTFOUND: return LookupResult::NoSuchName;
    case ARES_ENODATA: return LookupResult::NoData;
    case ARES_ETIMEOUT: return LookupResult::TimedOut;
    default: return LookupResult::Failed;
  }
}

int ares_type(RecordType type) {
  switch (type) {
    case RecordType::A: return ns_t_a;
    case RecordType::Aaaa: return ns_t_aaaa;
    case RecordType::Srv: break;
  }
  return ns_t_srv;
}

SockAddress address_of(RecordType type, const char* octets) {
  sockaddr_storage native{};
  if (type == RecordType::A) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, octets, sizeof in.sin_addr);
    std::memcpy(&native, &in, sizeof in);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    std::memcpy(&in6.sin6_addr, octets, sizeof in6.sin6_addr);
    std::memcpy(&native, &in6, sizeof in6);
  }
  return SockAddress::from(native);
}

}  // namespace

class DnsClient::Impl {
 public:
  Impl(size_t queries_max, QuestionSource& source) : queries_max_(queries_max), source_(source) {}
  ~Impl() {
    // Ends the queries under way, whose callbacks still find everything in place.
    if (channel_ != nullptr) ares_destroy(channel_);
    if (is_library_open_) ares_library_cleanup();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Result<void> open(const Options& options) {
    epoll_ = net::FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.is_open()) return system_error(ErrorCode::EpollSetUp);
    is_library_open_ = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    ares_options native{};
    native.flags = ARES_FLAG_NOALIASES;
    if (!options.nameservers.empty()) native.flags |= ARES_FLAG_NOSEARCH;
    native.timeout = static_cast<int>(options.timeout.count());
    native.tries = options.tries;
    native.sock_state_cb = on_socket;
    native.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (!is_library_open_ || ares_init_options(&channel_, &native, mask) != ARES_SUCCESS) {
      return plain_error(ErrorCode::ResolverSetUp);
    }
    std::string servers;
    for (const SockAddress& each : options.nameservers) {
      if (!servers.empty()) servers += ',';
      servers += each.text().view();
    }
    if (!servers.empty() && ares_set_servers_ports_csv(channel_, servers.c_str()) != ARES_SUCCESS) {
      return plain_error(ErrorCode::ResolverSetUp);
    }
    return {};
  }

  [[nodiscard]] int descriptor() const { return epoll_.get(); }

  [[nodiscard]] Instant next_deadline() const {
    Instant deadline = under_way_ < queries_max_ ? source_.next_due() : Instant::max();
    timeval wait;
    if (ares_timeout(channel_, nullptr, &wait) != nullptr) {
      const auto left = std::chrono::seconds(wait.tv_sec) +
                        std::chrono::microseconds(wait.tv_usec) + std::chrono::milliseconds(1);
      deadline = std::min(deadline, Clock::now() + left);
    }
    return deadline;
  }

  News run(Instant now) {
    now_ = now;
    has_news_ = false;
    take_messages();
    while (under_way_ < queries_max_) {
      const auto question = source_.take_due(now);
      if (!question) break;
      if (!ask_hosts_file(*question)) ask(*question);
    }
    return has_news_ ? News::Answers : News::Nothing;
  }

 private:
  struct Query {
    Impl& client;
    Question question;
  };

  static void on_socket(void* self, ares_socket_t fd, int readable, int writable) {
    const int epoll = static_cast<Impl*>(self)->epoll_.get();
    epoll_event event{};
    event.data.fd = fd;
    if (readable != 0) event.events |= EPOLLIN;
    if (writable != 0) event.events |= EPOLLOUT;
    if (event.events == 0) {
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    } else if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
      // Where this fails too, the query times out.
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
  }

  static void on_reply(void* query_pointer, int status, int, unsigned char* octets, int length) {
    const std::unique_ptr<Query> query(static_cast<Query*>(query_pointer));
    --query->client.under_way_;
    Answer answer{.result = result_of(status)};
    if (status == ARES_SUCCESS) {
      answer = read_answer({octets, static_cast<size_t>(length)}, query->question.type);
    }
    query->client.take(query->question, std::move(answer));
  }

  void take_messages() {
    std::array<epoll_event, 32> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const bool is_writable = (event.events & EPOLLOUT) != 0;
      // Errors are found by reading.
      const bool is_readable = (event.events & ~uint32_t{EPOLLOUT}) != 0;
      ares_process_fd(channel_, is_readable ? event.data.fd : ARES_SOCKET_BAD,
                      is_writable ? event.data.fd : ARES_SOCKET_BAD);
    }
    // What took too long.
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }

  void take(const Question& question, Answer answer) {
    source_.on_answer(question, std::move(answer), now_);
    has_news_ = true;
  }

  [[nodiscard]] bool ask_hosts_file(const Question& question) {
    if (question.type == RecordType::Srv) return false;
    const int family = question.type == RecordType::A ? AF_INET : AF_INET6;
    // No name there ends in a dot.
    std::string host = question.host;
    if (host.ends_with('.')) host.pop_back();
    hostent* found = nullptr;
    if (ares_gethostbyname_file(channel_, host.c_str(), family, &found) != ARES_SUCCESS) {
      return false;
    }
    const std::unique_ptr<hostent, decltype(&ares_free_hostent)> entry(found, &ares_free_hostent);
    Answer answer{.result = LookupResult::Answered, .ttl = kHostsFileTtl};
    for (char** ip = entry->h_addr_list; *ip != nullptr; ++ip) {
      answer.addresses.push_back(address_of(question.type, *ip));
    }
    take(question, std::move(answer));
    return true;
  }

  // The answer may come before this returns, say where no name server can be reached.
  void ask(const Question& question) {
    ++under_way_;
    auto query = std::make_unique<Query>(Query{*this, question});
    ares_search(channel_, question.host.c_str(), ns_c_in, ares_type(question.type), on_reply,
                query.release());
  }

  const size_t queries_max_;
  QuestionSource& source_;
  net::FileDescriptor epoll_;
  bool is_library_open_ = false;
  ares_channel channel_ = nullptr;
  size_t under_way_ = 0;
  Instant now_{};          // of this run
  bool has_news_ = false;  // in this run
};

DnsClient::DnsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DnsClient::~DnsClient() = default;

Result<std::unique_ptr<DnsClient>> DnsClient::create(const Options& options,
                                                     QuestionSource& source) {
  auto impl = std::make_unique<Impl>(options.queries_max, source);
  if (const auto opened = impl->open(options); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<DnsClient>(new DnsClient(std::move(impl)));
}

int DnsClient::descriptor() const {
  return impl_->descriptor();
}

Instant DnsClient::next_deadline() const {
  return impl_->next_deadline();
}

DnsClient::News DnsClient::run(Instant now) {
  return impl_->run(now);
}

}  // namespace siplb::app
