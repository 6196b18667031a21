#include "app/wanted_names.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

namespace siplb::app {
namespace {

using NamedPlaces = std::vector<proxy::NamedPlace>;

// That a name is asked for, in the order in which they are used (RFC 3263, 4.1).
std::span<const sip::Transport> transports_of(const proxy::NameKey& key) {
  static constexpr std::array kBoth = {sip::Transport::Udp, sip::Transport::Tcp};
  const std::span<const sip::Transport> both(kBoth);
  if (key.transport == sip::Transport::Tcp) return both.last(1);
  return key.transport || key.port != 0 ? both.first(1) : both;
}

// Behind those that are there.
void add_places(const std::optional<std::vector<NamedAddress>>& addresses,
                std::optional<sip::Transport> transport, NamedPlaces& places) {
  if (!addresses) return;
  const int first_rank = places.empty() ? 0 : places.back().rank + 1;
  for (const NamedAddress& each : *addresses) {
    if (places.size() == proxy::NameEntry::kPlacesMax) return;
    places.push_back({.address = each.address,
                      .transport = transport,
                      .rank = static_cast<uint8_t>(first_rank + each.rank),
                      .share = each.share});
  }
}

}  // namespace

size_t WantedNames::memory_octets_of_one() {
  constexpr size_t kServices = 2;  // UDP and TCP
  constexpr size_t kTargets = kServices * kTargetsMax;
  constexpr size_t kQuestions = kServices + 2 * (1 + kTargets);
  // With its name, which is of the longest, and what keeps it in order.
  constexpr size_t kQuestionOctets = 512 + kAddressesMax * sizeof(SockAddress);
  return sizeof(Names::value_type) + sizeof(proxy::NameBook::value_type) +
         2 * proxy::NameEntry::kPlacesMax * sizeof(proxy::NamedPlace) +
         kQuestions * kQuestionOctets + kTargets * (sizeof(SrvRecord) + proxy::kHostNameOctetsMax);
}

void WantedNames::want(const proxy::NameKey& key, Instant now) {
  const auto found = names_.find(key);
  Name& name = found != names_.end() ? found->second : add(key);
  name.wanted_at = now;
  is_changed_ |= name.places.has_value();  // it is known for longer now
}

WantedNames::Name& WantedNames::add(const proxy::NameKey& key) {
  if (names_.size() == names_max_) {
    const auto is_before = [](const auto& a, const auto& b) {
      return a.second.wanted_at < b.second.wanted_at;
    };
    names_.erase(std::min_element(names_.begin(), names_.end(), is_before));
    counters_.evicted.add();
    is_changed_ = true;
  }
  Name& name = names_[key];
  counters_.names.set(names_.size());
  std::vector<HostName> hosts;
  for (const sip::Transport transport : transports_of(key)) {
    // In a message names are complete: no search domain belongs behind them.
    HostName host{.host = std::string(key.host.view()) + '.', .port = {}, .transport = transport};
    if (key.port != 0) host.port = key.port;
    hosts.push_back(std::move(host));
  }
  name.lookups.set_names(std::move(hosts));
  name.due = name.lookups.next_due();
  return name;
}

void WantedNames::forget_unused(Instant now) {
  const size_t forgotten = std::erase_if(names_, [now](const auto& each) {
    return now >= each.second.wanted_at + each.second.life();
  });
  is_changed_ |= forgotten != 0;
  counters_.names.set(names_.size());
}

Instant WantedNames::next_forgotten() const {
  Instant next = Instant::max();
  for (const auto& [key, name] : names_) next = std::min(next, name.wanted_at + name.life());
  return next;
}

Instant WantedNames::next_due() const {
  Instant next = Instant::max();
  for (const auto& [key, name] : names_) next = std::min(next, name.due);
  return next;
}

std::optional<Question> WantedNames::take_due(Instant now) {
  const auto first =
      std::min_element(names_.begin(), names_.end(),
                       [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
  if (first == names_.end()) return std::nullopt;
  Name& name = first->second;
  const auto question = name.lookups.take_due(now);
  name.due = name.lookups.next_due();
  return question;
}

// To all names that rest upon it.
void WantedNames::on_answer(const Question& question, Answer answer, Instant now) {
  counters_.results[answer.result].add();
  if (answer.addresses.size() > kAddressesMax) {
    answer.addresses.resize(kAddressesMax);
    answer.addresses.shrink_to_fit();
  }
  for (auto& [key, name] : names_) {
    if (!name.lookups.asks(question)) continue;
    name.lookups.on_answer(question, answer, now);
    name.due = name.lookups.next_due();
    update(key, name);
  }
}

// What is known stays until all of it is known anew.
void WantedNames::update(const proxy::NameKey& key, Name& name) {
  if (!name.lookups.is_settled()) return;
  auto places = places_of(key, name.lookups);
  if (name.places == places) return;
  name.places = std::move(places);
  is_changed_ = true;
}

NamedPlaces WantedNames::places_of(const proxy::NameKey& key, const Lookups& lookups) {
  const auto transports = transports_of(key);
  NamedPlaces places;
  for (size_t i = 0; i < transports.size(); ++i) {
    if (lookups.is_service(i)) add_places(lookups.addresses(i), transports[i], places);
  }
  if (places.empty()) add_places(lookups.addresses(0), key.transport, places);
  return places;
}

std::unique_ptr<const proxy::NameBook> WantedNames::take_book() {
  if (!std::exchange(is_changed_, false)) return nullptr;
  auto book = std::make_unique<proxy::NameBook>();
  for (const auto& [key, name] : names_) {
    if (!name.places) continue;
    book->emplace(
        key, proxy::NameEntry{.places = *name.places, .ask_at = name.wanted_at + name.life() / 2});
  }
  return book;
}

}  // namespace siplb::app
