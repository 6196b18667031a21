#include "proxy/moved_flows.h"

#include <algorithm>

#include "base/hash.h"

namespace siplb::proxy {

uint64_t MovedFlows::key_of(std::string_view token) const {
  return hash_octets(token, seed_) | 1;  // never 0
}

std::span<MovedFlow> MovedFlows::set_of(uint64_t key) const {
  const size_t sets = entries_.size() / kWays;
  return entries_.subspan((key >> 1 & (sets - 1)) * kWays, kWays);
}

MovedFlow* MovedFlows::find_entry(uint64_t key) const {
  if (entries_.empty()) return nullptr;
  const std::span<MovedFlow> set = set_of(key);
  const auto found =
      std::find_if(set.begin(), set.end(), [&](const MovedFlow& each) { return each.key == key; });
  return found == set.end() ? nullptr : &*found;
}

const transport::Flow* MovedFlows::find(std::string_view token, Instant now) {
  MovedFlow* const entry = find_entry(key_of(token));
  if (entry == nullptr) return nullptr;
  entry->used = now;
  return &entry->flow;
}

void MovedFlows::put(std::string_view token, const transport::Flow& flow, Instant now) {
  if (entries_.empty()) return;
  const uint64_t key = key_of(token);
  MovedFlow* place = find_entry(key);
  if (place == nullptr) {
    const std::span<MovedFlow> set = set_of(key);
    // A free one was never used.
    place = &*std::min_element(set.begin(), set.end(), [](const MovedFlow& a, const MovedFlow& b) {
      return a.used < b.used;
    });
    if (place->key != 0) evicted_.add();
  }
  *place = {.key = key, .used = now, .flow = flow};
}

void MovedFlows::erase(std::string_view token) {
  if (MovedFlow* const entry = find_entry(key_of(token))) *entry = {};
}

}  // namespace siplb::proxy
