// What the names of servers lead to: which questions there are, what was answered to each, and when
// to ask it again (RFC 3263, 4.2; the transport is the configuration's, so no NAPTR).
//
// A name without a port asks for SRV records, and for A and AAAA of their targets; where it has
// none, or has a port, for A and AAAA of itself. Each question is asked again when its answer has
// run out, and by itself: so one that fails leaves all others alone.
//
// An answer is kept until a better one comes. What fails changes nothing; a plain "there is none"
// is believed only as long as something else answers: so names never lose their last address.
// Pure: no I/O, and `now` comes from outside.
// Thread: one, the control thread. Bounds: kNamesMax names; of each at most 1 SRV question, and 2
// for itself and for each of kTargetsMax targets; kRecordsMax records in an answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/question.h"
#include "balance/options.h"
#include "base/address.h"
#include "base/counter.h"
#include "base/time.h"

namespace siplb::app {

inline constexpr size_t kNamesMax = balance::kServersMax / balance::kPlacesPerName;
inline constexpr size_t kTargetsMax = balance::kPlacesPerName;  // more would find no place
inline constexpr std::chrono::seconds kTtlMin{1};
inline constexpr std::chrono::seconds kTtlMax = std::chrono::hours(1);
inline constexpr std::chrono::seconds kRetryMin{1};  // doubles with each failure
inline constexpr std::chrono::seconds kRetryMax{30};

// A server's name, as configured.
struct HostName {
  std::string host;
  std::optional<uint16_t> port;
  sip::Transport transport = sip::Transport::Udp;
  bool operator==(const HostName&) const = default;
};

inline constexpr uint16_t kFullShare = 1000;

struct NamedAddress {
  SockAddress address;
  uint8_t rank = 0;             // of its SRV record's priority among the name's: 0 is first
  uint16_t share = kFullShare;  // its SRV record's weight, against the greatest of its rank
  bool operator==(const NamedAddress&) const = default;
};

struct LookupCounters {  // one writer, any reader
  CounterArray<LookupResult> results;
  // As it is now.
  Counter names_without_address;
  Counter targets_ignored;   // of SRV records, beyond kTargetsMax
  Counter oldest_answer_ns;  // Instant of the answer in use that came longest ago; 0: none
};

class Lookups final : public QuestionSource {
 public:
  // What other names have been answered is forgotten. Requires: at most kNamesMax, in lower case.
  void set_names(std::vector<HostName> names);

  [[nodiscard]] Instant next_due() const override;
  [[nodiscard]] std::optional<Question> take_due(Instant now) override;
  void on_answer(const Question& question, Answer answer, Instant now) override;
  // True where some name rests upon this question.
  [[nodiscard]] bool asks(const Question& question) const {
    return entries_.find(question) != entries_.end();
  }

  // False while a question that this name rests upon has neither been answered nor failed yet.
  [[nodiscard]] bool is_settled(size_t name) const;
  [[nodiscard]] bool is_settled() const;  // all of them
  // Where name number `name` leads; nothing as long as that is not known, or nowhere.
  [[nodiscard]] std::optional<std::vector<NamedAddress>> addresses(size_t name) const;
  // True where it leads there by SRV records.
  [[nodiscard]] bool is_service(size_t name) const;

  [[nodiscard]] const LookupCounters& counters() const { return counters_; }

 private:
  struct Entry {
    Instant due = Instant::min();
    bool is_needed = true;
    bool is_under_way = false;
    bool is_denied = false;  // there is none, it was said since the last answer
    uint32_t failures = 0;   // since the last answer
    std::optional<Instant> answered_at;
    std::vector<SockAddress> addresses;
    std::vector<SrvRecord> targets;
    size_t targets_ignored = 0;

    [[nodiscard]] bool is_settled() const { return answered_at || failures > 0; }
    [[nodiscard]] bool is_live() const { return answered_at && !is_denied; }
  };
  using Entries = std::map<Question, Entry>;

  void plan();
  void plan_name(const HostName& name);
  Entry& need(Question question);
  void need_addresses(const std::string& host);
  void count();

  [[nodiscard]] Entries::const_iterator next() const;
  // Requires: the question is needed.
  [[nodiscard]] const Entry& at(const Question& question) const;
  [[nodiscard]] bool is_settled(const std::string& host) const;
  [[nodiscard]] bool is_live(const std::string& host) const;
  // Whether its last answer leads to servers: one that was denied since does while nothing else.
  [[nodiscard]] bool is_in_use(const Question& question, const Entry& entry) const;
  // Nothing while an answer to any of their questions is still awaited for the first time.
  [[nodiscard]] std::optional<std::vector<NamedAddress>> addresses_of(const std::string& host,
                                                                      uint16_t port) const;
  [[nodiscard]] std::optional<std::vector<NamedAddress>> addresses_of(
      std::span<const SrvRecord> targets) const;

  std::vector<HostName> names_;
  Entries entries_;
  LookupCounters counters_;
};

}  // namespace siplb::app
