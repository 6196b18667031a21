#include "app/lookups.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace siplb::app {
namespace {

// RFC 3263, 4.1: TLS is asked for by the service "sips".
std::string srv_host(const HostName& name) {
  switch (name.transport) {
    case sip::Transport::Tcp: return "_sip._tcp." + name.host;
    case sip::Transport::Tls: return "_sips._tcp." + name.host;
    default: return "_sip._udp." + name.host;
  }
}

bool asks_srv(const HostName& name) {
  return !name.port;
}

// In an order that does not change from answer to answer, those first that matter most; no more
// than may be followed.
size_t keep_first(std::vector<SrvRecord>& targets) {
  std::sort(targets.begin(), targets.end(), [](const SrvRecord& a, const SrvRecord& b) {
    return std::tie(a.priority, b.weight, a.target, a.port) <
           std::tie(b.priority, a.weight, b.target, b.port);
  });
  const size_t all = targets.size();
  targets.resize(std::min(all, kTargetsMax));
  targets.shrink_to_fit();
  return all - targets.size();
}

bool is_denial(LookupResult result) {
  return result == LookupResult::NoSuchName || result == LookupResult::NoData;
}

std::chrono::seconds retry_delay(uint32_t failures) {
  const uint32_t doublings = std::min(failures - 1, uint32_t{5});
  return std::min(kRetryMax, kRetryMin * (1 << doublings));
}

}  // namespace

void Lookups::set_names(std::vector<HostName> names) {
  SIPLB_ASSERT(names.size() <= kNamesMax);
  names_ = std::move(names);
  plan();
}

// Brings the questions in line with the names and with what is known of their targets.
void Lookups::plan() {
  for (auto& [question, entry] : entries_) entry.is_needed = false;
  for (const HostName& name : names_) plan_name(name);
  std::erase_if(entries_, [](const auto& each) { return !each.second.is_needed; });
  count();
}

void Lookups::plan_name(const HostName& name) {
  if (!asks_srv(name)) return need_addresses(name.host);
  const Entry& srv = need({srv_host(name), RecordType::Srv});
  for (const SrvRecord& target : srv.targets) need_addresses(target.target);
  if (srv.is_settled() && !srv.is_live()) need_addresses(name.host);
}

Lookups::Entry& Lookups::need(Question question) {
  Entry& entry = entries_[std::move(question)];
  entry.is_needed = true;
  return entry;
}

void Lookups::need_addresses(const std::string& host) {
  need({host, RecordType::A});
  need({host, RecordType::Aaaa});
}

void Lookups::count() {
  size_t without = 0;
  for (size_t i = 0; i < names_.size(); ++i) without += addresses(i) ? 0 : 1;
  counters_.names_without_address.set(without);

  size_t ignored = 0;
  Instant oldest = Instant::max();
  for (const auto& [question, entry] : entries_) {
    ignored += entry.targets_ignored;
    if (is_in_use(question, entry)) oldest = std::min(oldest, *entry.answered_at);
  }
  counters_.targets_ignored.set(ignored);
  counters_.oldest_answer_ns.set(
      oldest == Instant::max() ? 0 : static_cast<uint64_t>(oldest.time_since_epoch().count()));
}

Lookups::Entries::const_iterator Lookups::next() const {
  const auto is_before = [](const auto& a, const auto& b) {
    const Entry& first = a.second;
    const Entry& second = b.second;
    return std::tie(first.is_under_way, first.due) < std::tie(second.is_under_way, second.due);
  };
  const auto found = std::min_element(entries_.begin(), entries_.end(), is_before);
  return found == entries_.end() || found->second.is_under_way ? entries_.end() : found;
}

Instant Lookups::next_due() const {
  const auto found = next();
  return found == entries_.end() ? Instant::max() : found->second.due;
}

std::optional<Question> Lookups::take_due(Instant now) {
  const auto found = next();
  if (found == entries_.end() || found->second.due > now) return std::nullopt;
  entries_.find(found->first)->second.is_under_way = true;
  return found->first;
}

void Lookups::on_answer(const Question& question, Answer answer, Instant now) {
  counters_.results[answer.result].add();
  const auto found = entries_.find(question);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.is_under_way = false;
  if (answer.result == LookupResult::Answered) {
    entry.is_denied = false;
    entry.failures = 0;
    entry.answered_at = now;
    entry.due = now + std::clamp(answer.ttl, kTtlMin, kTtlMax);
    entry.addresses = std::move(answer.addresses);
    entry.targets = std::move(answer.targets);
    entry.targets_ignored = keep_first(entry.targets);
  } else {
    // What fails says nothing of what is there.
    entry.is_denied |= is_denial(answer.result);
    ++entry.failures;
    entry.due = now + retry_delay(entry.failures);
  }
  plan();
}

bool Lookups::is_settled(size_t name) const {
  const HostName& asked = names_[name];
  if (!asks_srv(asked)) return is_settled(asked.host);
  const Entry& srv = at({srv_host(asked), RecordType::Srv});
  if (!srv.is_settled()) return false;
  const auto is_target_settled = [this](const SrvRecord& each) { return is_settled(each.target); };
  return std::all_of(srv.targets.begin(), srv.targets.end(), is_target_settled) &&
         (srv.is_live() || is_settled(asked.host));
}

bool Lookups::is_settled() const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!is_settled(i)) return false;
  }
  return true;
}

std::optional<std::vector<NamedAddress>> Lookups::addresses(size_t name) const {
  const HostName& asked = names_[name];
  std::optional<std::vector<NamedAddress>> found;
  if (!asks_srv(asked)) {
    found = addresses_of(asked.host, *asked.port);
  } else if (const Entry& srv = at({srv_host(asked), RecordType::Srv}); is_service(name)) {
    found = addresses_of(srv.targets);
  } else if (srv.is_settled()) {
    found = addresses_of(asked.host, sip::default_port(asked.transport));
  }
  if (found && found->empty()) found.reset();
  return found;
}

bool Lookups::is_service(size_t name) const {
  const HostName& asked = names_[name];
  if (!asks_srv(asked)) return false;
  const Entry& srv = at({srv_host(asked), RecordType::Srv});
  return srv.is_live() || (!srv.targets.empty() && !is_live(asked.host));
}

std::optional<std::vector<NamedAddress>> Lookups::addresses_of(const std::string& host,
                                                               uint16_t port) const {
  if (!is_settled(host)) return std::nullopt;
  std::vector<NamedAddress> found;
  for (const RecordType type : {RecordType::A, RecordType::Aaaa}) {
    const Entry& entry = at({host, type});
    if (entry.is_denied && is_live(host)) continue;
    for (const SockAddress& ip : entry.addresses) {
      found.push_back({.address = ip.with_port(port)});
    }
  }
  return found;
}

std::optional<std::vector<NamedAddress>> Lookups::addresses_of(
    std::span<const SrvRecord> targets) const {
  std::vector<NamedAddress> found;
  uint8_t rank = 0;
  uint32_t weight_max = 0;  // of the rank: they are sorted
  for (size_t i = 0; i < targets.size(); ++i) {
    const SrvRecord& srv = targets[i];
    const bool is_new_rank = i == 0 || srv.priority != targets[i - 1].priority;
    if (is_new_rank) weight_max = srv.weight;
    if (is_new_rank && i != 0) ++rank;
    const auto of_target = addresses_of(srv.target, srv.port);
    if (!of_target) return std::nullopt;
    // A weight of 0 is a very small share, but some (RFC 2782).
    const uint32_t share =
        weight_max == 0 ? kFullShare : std::max(1u, kFullShare * srv.weight / weight_max);
    for (NamedAddress address : *of_target) {
      address.rank = rank;
      address.share = static_cast<uint16_t>(share);
      found.push_back(address);
    }
  }
  return found;
}

bool Lookups::is_settled(const std::string& host) const {
  return at({host, RecordType::A}).is_settled() && at({host, RecordType::Aaaa}).is_settled();
}

bool Lookups::is_live(const std::string& host) const {
  return at({host, RecordType::A}).is_live() || at({host, RecordType::Aaaa}).is_live();
}

bool Lookups::is_in_use(const Question& question, const Entry& entry) const {
  if (!entry.answered_at || !entry.is_denied) return entry.answered_at.has_value();
  if (question.type != RecordType::Srv) return !is_live(question.host);
  return std::any_of(names_.begin(), names_.end(), [&](const HostName& name) {
    return asks_srv(name) && srv_host(name) == question.host && !is_live(name.host);
  });
}

const Lookups::Entry& Lookups::at(const Question& question) const {
  return entries_.find(question)->second;
}

}  // namespace siplb::app
