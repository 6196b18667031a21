#include "balance/selector.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace siplb::balance {
namespace {

// Shares are in thousandths, so that they grow smoothly.
constexpr uint32_t kWholeShare = 1000;
constexpr uint32_t kShareMin = kWholeShare * Selector::kSlowStartMinPercent / 100;
// What scaled() takes.
static_assert(uint64_t{kServersMax} * kWeightMax * kWholeShare <= UINT32_MAX);

// What two credits differ by when it is not by rounding alone.
constexpr double kCreditMin = 1e-9;

// Owners of hashes of one key that are asked before a draw decides: of four servers the last one
// is not met once in 100 million keys. Fixed for ever: all nodes must choose alike.
constexpr uint64_t kOwnersAsked = 64;

// A further hash of `hash`. Fixed for ever, as Maglev's seeds are. The finaliser is SplitMix64's.
uint64_t mix(uint64_t hash, uint64_t turn) {
  uint64_t mixed = hash + 0x9e3779b97f4a7c15 * (turn + 1);
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

// 0 to bound - 1. Requires: `bound` is at most 2^32.
uint64_t scaled(uint64_t random, uint64_t bound) {
  return (random >> 32) * bound >> 32;
}

// The position that `draw` falls on, `skipped` left out. Requires: draw < the sum of the others.
size_t position_of(uint64_t draw, std::span<const uint32_t> weights, size_t skipped = SIZE_MAX) {
  for (size_t position = 0;; ++position) {
    SIPLB_ASSERT(position < weights.size());
    if (position == skipped) continue;
    if (draw < weights[position]) return position;
    draw -= weights[position];
  }
}

// It takes new work, if not at this moment.
bool is_usable(Obstacle obstacle) {
  return obstacle == Obstacle::None || obstacle == Obstacle::Calls ||
         obstacle == Obstacle::Inflight;
}

}  // namespace

Selector::Selector(const LoadBoard& load, const CallCounts& calls, size_t server_count,
                   uint64_t seed)
    : load_(load), calls_(calls), credits_(server_count), weights_(server_count), seed_(seed) {
  if (seed == 0) return;
  // Less than a turn each: were all lanes to begin alike, a few calls over many lanes would meet
  // the first servers only.
  for (double& credit : credits_) credit = static_cast<double>(draw() >> 11) * 0x1p-53;
}

size_t Selector::memory_octets(size_t server_count) {
  return server_count * (sizeof(double) + sizeof(uint32_t));
}

Selector::Choice Selector::choose(const Wanted& wanted) {
  for (const Tier& tier : wanted.topology.tiers_of(wanted.group)) {
    const Offer offer = weigh(wanted, tier);
    if (offer.weight_sum == 0) continue;
    return {.outcome = Outcome::Chosen, .server = tier.members[select(wanted, offer)].server};
  }
  for (const Tier& tier : wanted.topology.tiers_of(wanted.group)) {
    const bool is_any_usable = std::any_of(
        tier.members.begin(), tier.members.end(),
        [&](const Tier::Member& member) { return is_usable(obstacle(wanted, member.server)); });
    if (is_any_usable) return {.outcome = Outcome::Full};
  }
  return {.outcome = Outcome::Unusable};
}

bool Selector::has_choice(const Wanted& wanted) const {
  const auto tiers = wanted.topology.tiers_of(wanted.group);
  return std::any_of(tiers.begin(), tiers.end(), [&](const Tier& tier) {
    return std::any_of(tier.members.begin(), tier.members.end(), [&](const Tier::Member& member) {
      return is_eligible(wanted, member.server);
    });
  });
}

Obstacle Selector::obstacle(const Wanted& wanted, ServerIndex index) const {
  const Server& server = wanted.topology.servers()[index];
  if (server.weight == 0) return Obstacle::Weight;
  const bool is_tried =
      std::find(wanted.tried.begin(), wanted.tried.end(), index) != wanted.tried.end();
  if (is_tried) return Obstacle::Tried;
  const Obstacle unfit = wanted.status.obstacle(wanted.group, index, wanted.now);
  if (unfit != Obstacle::None) return unfit;
  const bool has_all_calls =
      wanted.is_call && server.max_calls > 0 && calls_.calls(index) >= server.max_calls;
  if (has_all_calls) return Obstacle::Calls;
  const bool has_all_requests =
      server.max_inflight > 0 && load_.inflight(index) >= server.max_inflight;
  return has_all_requests ? Obstacle::Inflight : Obstacle::None;
}

uint32_t Selector::share_of(const Wanted& wanted, ServerIndex server) {
  const Duration period = wanted.topology.groups()[wanted.group].options.slow_start;
  const Instant since = wanted.status.servers[server].up_since;
  if (period == Duration::zero() || wanted.now >= since + period) return kWholeShare;
  // The prober's clock may be ahead of this tick's.
  const Duration elapsed = std::max(wanted.now - since, Duration::zero());
  return kShareMin + static_cast<uint32_t>((kWholeShare - kShareMin) * elapsed / period);
}

Selector::Offer Selector::weigh(const Wanted& wanted, const Tier& tier) {
  const std::span<uint32_t> weights(weights_.data(), tier.members.size());
  Offer offer{.tier = tier, .weights = weights};
  for (size_t i = 0; i < weights.size(); ++i) {
    const Tier::Member& member = tier.members[i];
    const bool takes = is_eligible(wanted, member.server);
    const uint32_t share = takes ? share_of(wanted, member.server) : 0;
    weights[i] = member.weight * share;
    offer.weight_sum += weights[i];
    offer.share_max = std::max(offer.share_max, share);
  }
  return offer;
}

size_t Selector::select(const Wanted& wanted, const Offer& offer) {
  switch (wanted.topology.groups()[wanted.group].options.policy) {
    case Policy::Maglev: return select_by_key(wanted, offer);
    case Policy::Random: return position_of(scaled(draw(), offer.weight_sum), offer.weights);
    case Policy::LeastLoad: return select_less_loaded(wanted, offer);
    case Policy::LeastCalls:
      return wanted.is_call ? select_least_called(wanted, offer) : take_turn(offer);
    case Policy::RoundRobin: break;
  }
  return take_turn(offer);
}

// The owners that a key meets are the same whoever takes work at the moment: a server that goes
// moves its own keys only, and gets them back. One in slow start takes a key with a probability
// that is its share, decided by the key: as the share grows, what it has once taken it keeps.
size_t Selector::select_by_key(const Wanted& wanted, const Offer& offer) {
  SIPLB_ASSERT(offer.tier.table.has_value());
  uint64_t hash = wanted.key_hash;
  for (uint64_t asked = 0; asked < kOwnersAsked; ++asked) {
    const size_t owner = offer.tier.table->owner(hash);
    const uint64_t whole = uint64_t{offer.tier.members[owner].weight} * offer.share_max;
    if (scaled(mix(hash, 0), whole) < offer.weights[owner]) return owner;
    hash = mix(wanted.key_hash, asked + 1);
  }
  return position_of(scaled(hash, offer.weight_sum), offer.weights);
}

// Of two that are equally rich, the one that the configuration names first.
bool Selector::is_before(ServerIndex one, ServerIndex other) const {
  const double difference = credits_[one] - credits_[other];
  return std::abs(difference) < kCreditMin ? one < other : difference > 0;
}

size_t Selector::take_turn(const Offer& offer) {
  const std::span<const Tier::Member> members = offer.tier.members;
  size_t richest = members.size();
  for (size_t i = 0; i < members.size(); ++i) {
    if (offer.weights[i] == 0) continue;
    double& credit = credits_[members[i].server];
    credit += static_cast<double>(offer.weights[i]) / static_cast<double>(offer.weight_sum);
    if (richest == members.size() || is_before(members[i].server, members[richest].server)) {
      richest = i;
    }
  }
  credits_[members[richest].server] -= 1;
  return richest;
}

size_t Selector::select_less_loaded(const Wanted& wanted, const Offer& offer) {
  const size_t one = position_of(scaled(draw(), offer.weight_sum), offer.weights);
  const uint64_t rest = offer.weight_sum - offer.weights[one];
  if (rest == 0) return one;
  const size_t other = position_of(scaled(draw(), rest), offer.weights, one);

  // The request itself counts alike for both: between two that have nothing to do, the draw has
  // already done justice to their weights.
  const double own = 2.0 / (offer.weights[one] + offer.weights[other]);
  const auto work = [&](size_t position) {
    return own + load_.inflight(offer.tier.members[position].server) /
                     static_cast<double>(offer.weights[position]);
  };
  const auto time = [&](size_t position) {
    return load_.answer_time(offer.tier.members[position].server, wanted.now);
  };
  const Duration time_one = time(one);
  const Duration time_other = time(other);
  // Of whom nothing is known is taken to be as fast as the other.
  if (time_one == Duration::zero() || time_other == Duration::zero()) {
    return work(one) <= work(other) ? one : other;
  }
  const auto load = [](double work_waiting, Duration answer_time) {
    return work_waiting * static_cast<double>(std::max(answer_time, kAnswerTimeMin).count());
  };
  return load(work(one), time_one) <= load(work(other), time_other) ? one : other;
}

// Its size is max_calls, else its weight; in slow start its share of that.
size_t Selector::select_least_called(const Wanted& wanted, const Offer& offer) {
  const auto servers = wanted.topology.servers();
  const size_t count = offer.weights.size();
  // Several may be equal: each is met first by some.
  const size_t begin = scaled(draw(), count);
  size_t least = count;
  double fill_min = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t position = (begin + i) % count;
    if (offer.weights[position] == 0) continue;
    const Tier::Member& member = offer.tier.members[position];
    const uint32_t max_calls = servers[member.server].max_calls;
    const double size = max_calls > 0 ? max_calls : member.weight;
    const double share = 1.0 * offer.weights[position] / member.weight;
    const double fill = (1.0 + calls_.calls(member.server)) / (size * share);
    if (least != count && fill >= fill_min) continue;
    least = position;
    fill_min = fill;
  }
  return least;
}

uint64_t Selector::draw() {
  return mix(seed_, draw_count_++);
}

}  // namespace siplb::balance
