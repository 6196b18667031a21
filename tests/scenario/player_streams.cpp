// Streams: who has one, how what it brings is cut, and how it ends. See player.h.
#include <algorithm>

#include "scenario/player.h"

namespace siplb::test {
namespace {

using Direction = StreamWire::Direction;
using Mood = StreamWire::Mood;

}  // namespace

// A connection is there as soon as somebody speaks by it.
transport::Flow Player::stream_of(const Party& party, transport::Flow flow) {
  if (!flow.is_stream()) return flow;
  return process_->connect(flow, party.is_connection ? Direction::Accepted : Direction::Opened);
}

// At one address there may be a connection and somebody who listens.
std::string Player::party_of(const transport::Flow& flow) const {
  const bool is_accepted = !flow.connection.is_none() && !flow.connection.is_outbound();
  for (const auto& [name, party] : parties_) {
    if (party.address == flow.remote && party.is_connection == is_accepted) return name;
  }
  return "";
}

// NAME ends, stalls, refuses or accepts. False where it is none of these.
bool Player::play_stream(const Words& words) {
  static constexpr std::pair<const char*, Mood> kMoods[] = {
      {"stalls", Mood::Stalls}, {"refuses", Mood::Refuses}, {"accepts", Mood::Takes}};
  const SockAddress& address = party(words[0]).address;
  if (words[1] == "ends") {
    collect(process_->disconnect(address, tick()));
    return true;
  }
  for (const auto& [name, mood] : kMoods) {
    if (words[1] != name) continue;
    collect(process_->set_mood(address, mood, tick()));
    return true;
  }
  return false;
}

// together [cut=N] [pieces=N]: what is sent by the statements below is one piece of its stream, or
// is cut at octet N, or into pieces of N octets.
void Player::play_together(const Statement& statement, const Words& words) {
  Options options(words, 1);
  const size_t cut = std::stoul(options.take("cut").value_or("0"));
  const size_t piece = std::stoul(options.take("pieces").value_or("0"));
  options.finish();
  std::vector<Written> written;
  together_ = &written;
  play_inner(statement);
  together_ = nullptr;
  if (written.empty()) return;

  std::string octets;
  for (const Written& part : written) {
    if (part.flow != written.front().flow) throw ScriptError("together, but by two streams");
    octets += part.octets;
  }
  const size_t rest = piece != 0 ? piece : octets.size();
  for (size_t from = 0, length = cut != 0 ? cut : rest; from < octets.size(); length = rest) {
    collect(process_->receive(written.front().flow, octets.substr(from, length), tick()));
    from += length;
  }
}

}  // namespace siplb::test
