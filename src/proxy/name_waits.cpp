#include "proxy/name_waits.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::proxy {

NameWaits::NameWaits(NameAsks& asks, LaneCounters& counters) : asks_(asks), counters_(counters) {
  waits_.reserve(kWaitsMax);
  known_.reserve(kWaitsMax);
}

NameWaits::Asked NameWaits::ask(const NameKey& name, Instant now) {
  const auto is_same = [&name](const Wait& wait) { return wait.name == name; };
  if (std::any_of(waits_.begin(), waits_.end(), is_same)) return Asked::Yes;
  switch (asks_.ask(name, now)) {
    case AskStatus::Asked: return Asked::Yes;
    case AskStatus::TooMany: counters_.names_refused[NameRefusal::Rate].add(); break;
    case AskStatus::Full: counters_.names_refused[NameRefusal::MailboxFull].add(); break;
  }
  return Asked::No;
}

NameWaits::Asked NameWaits::add(ResponseContext& context, const NameKey& name, Instant now) {
  if (waits_.size() == kWaitsMax) {
    counters_.names_refused[NameRefusal::NoRoom].add();
    return Asked::No;
  }
  if (ask(name, now) == Asked::No) return Asked::No;
  waits_.push_back({&context, name, now + kPatience});
  count();
  return Asked::Yes;
}

void NameWaits::remove(const ResponseContext& context) {
  waits_.erase(find(context));
  count();
}

Instant NameWaits::until(const ResponseContext& context) const {
  return find(context)->until;
}

std::span<ResponseContext* const> NameWaits::take_known(const NameBook& book) {
  known_.clear();
  std::erase_if(waits_, [&](const Wait& wait) {
    const bool is_known = book.count(wait.name) != 0;
    if (is_known) known_.push_back(wait.context);
    return is_known;
  });
  count();
  return known_;
}

std::vector<NameWaits::Wait>::const_iterator NameWaits::find(const ResponseContext& context) const {
  const auto found = std::find_if(waits_.begin(), waits_.end(), [&context](const Wait& wait) {
    return wait.context == &context;
  });
  SIPLB_ASSERT(found != waits_.end());
  return found;
}

void NameWaits::count() {
  counters_.names_awaited.set(waits_.size());
}

}  // namespace siplb::proxy
