// The names that requests of servers go by: which are kept, and where each leads (RFC 3263).
//
//   a port       -> A and AAAA
//   a transport  -> SRV, and A and AAAA of its targets; where there are none, of the name itself
//   neither      -> the same for UDP and then TCP
//
// No NAPTR: it says which transport a domain likes best, and we have two. A name is kept up to date
// as long as requests go by it, and keeps its last good answer while name servers fail, as Lookups
// does for those of servers. What nobody has gone by for a while is forgotten, what leads nowhere
// sooner. Where there are too many, the one that was used longest ago gives way. Pure: `now` comes
// from outside.
// Thread: one, the control thread; the counters from any. Bounds: names_max names, each of what
// app/lookups.h allows, and kAddressesMax addresses in an answer.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "app/lookups.h"
#include "base/counter.h"
#include "proxy/name_book.h"

namespace siplb::app {

struct WantedNameCounters {  // one writer, any reader
  CounterArray<LookupResult> results;
  Counter names;    // as it is now
  Counter evicted;  // for want of room
};

class WantedNames final : public QuestionSource {
 public:
  static constexpr size_t kNamesMax = 64;
  static constexpr size_t kAddressesMax = kTargetsMax;
  // Since somebody has last gone by it, or wanted to.
  static constexpr std::chrono::seconds kLife = std::chrono::minutes(5);
  static constexpr std::chrono::seconds kLifeOfNothing{30};  // where it leads nowhere

  // Requires: names_max is above 0.
  explicit WantedNames(size_t names_max = kNamesMax) : names_max_(names_max) {}

  // What one name may take, at most.
  [[nodiscard]] static size_t memory_octets_of_one();

  // Somebody goes by this name.
  void want(const proxy::NameKey& key, Instant now);
  // Forgets what nobody has gone by for long enough.
  void forget_unused(Instant now);
  // When that has work; Instant::max() where it never will.
  [[nodiscard]] Instant next_forgotten() const;

  [[nodiscard]] Instant next_due() const override;
  [[nodiscard]] std::optional<Question> take_due(Instant now) override;
  void on_answer(const Question& question, Answer answer, Instant now) override;

  // The book of all names that are known; null where it is as it was the last time.
  [[nodiscard]] std::unique_ptr<const proxy::NameBook> take_book();
  [[nodiscard]] const WantedNameCounters& counters() const { return counters_; }

 private:
  struct Name {
    Lookups lookups;  // names: of each of transports_of()
    Instant wanted_at{};
    Instant due{};                                         // of its next question
    std::optional<std::vector<proxy::NamedPlace>> places;  // nothing: not known yet

    [[nodiscard]] bool leads_nowhere() const { return !places || places->empty(); }
    [[nodiscard]] std::chrono::seconds life() const {
      return leads_nowhere() ? kLifeOfNothing : kLife;
    }
  };
  using Names = std::map<proxy::NameKey, Name>;

  Name& add(const proxy::NameKey& key);
  void update(const proxy::NameKey& key, Name& name);
  [[nodiscard]] static std::vector<proxy::NamedPlace> places_of(const proxy::NameKey& key,
                                                                const Lookups& lookups);

  const size_t names_max_;
  Names names_;
  bool is_changed_ = false;  // since the last book
  WantedNameCounters counters_;
};

}  // namespace siplb::app
