// Health, operator states and calls: what the prober says and is told, and what is counted. See
// player.h.
#include "scenario/player.h"

namespace siplb::test {
namespace {

using balance::HealthState;
using balance::OperatorState;
using balance::ServerStatus;

// True where `word` is a state of health or of the operator's, which `status` then has.
bool read_state(const std::string& word, ServerStatus& status) {
  static constexpr std::pair<const char*, HealthState> kHealth[] = {
      {"unknown", HealthState::Unknown}, {"up", HealthState::Up}, {"down", HealthState::Down}};
  static constexpr std::pair<const char*, OperatorState> kOperator[] = {
      {"ready", OperatorState::Ready},
      {"drain", OperatorState::Drain},
      {"maint", OperatorState::Maint}};
  for (const auto& [name, health] : kHealth) {
    if (word != name) continue;
    status.health = health;
    return true;
  }
  for (const auto& [name, operator_state] : kOperator) {
    if (word != name) continue;
    status.operator_state = operator_state;
    return true;
  }
  return false;
}

}  // namespace

balance::ServerIndex Player::server_named(const std::string& name) const {
  const auto servers = process_->snapshot().topology.servers();
  for (size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].name == name) return static_cast<balance::ServerIndex>(i);
  }
  throw ScriptError("there is no server " + name);
}

// server NAME unknown|up|down|ready|drain|maint, or busy TIME.
void Player::play_server(const Words& words) {
  if (words.size() < 3) throw ScriptError("server NAME STATE");
  ServerStatus& status = process_->status().servers[server_named(words[1])];
  if (words.size() == 3 && read_state(words[2], status)) return;
  if (words.size() != 4 || words[2] != "busy") throw ScriptError("server NAME STATE");
  status.busy_until = now_ + read_time(words[3]).time_since_epoch();
}

// group NAME panics|calms.
void Player::play_group(const Words& words) {
  const bool is_panic = words.size() == 3 && words[2] == "panics";
  if (!is_panic && (words.size() != 3 || words[2] != "calms")) {
    throw ScriptError("group NAME panics, or calms");
  }
  const auto groups = process_->snapshot().topology.groups();
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].options.name != words[1]) continue;
    process_->status().groups[i].is_panicking = is_panic;
    return;
  }
  throw ScriptError("there is no group " + words[1]);
}

// node drains|serves.
void Player::play_node(const Words& words) {
  const bool is_drain = words.size() == 2 && words[1] == "drains";
  if (!is_drain && (words.size() != 2 || words[1] != "serves")) {
    throw ScriptError("node drains, or serves");
  }
  process_->admission() = is_drain ? proxy::Admission::DialogsOnly : proxy::Admission::Everything;
}

// All that the prober was told since the last time, or nothing.
void Player::play_told(const Words& words) {
  std::string got;
  for (const std::string& text : process_->take_told()) got += (got.empty() ? "" : ", ") + text;
  if (got.empty()) got = "nothing";
  if (got != joined(words, 1)) throw Difference{"told " + got};
}

// How many calls each of the servers named has.
void Player::play_calls(const Words& words) {
  if (words.size() < 3 || words.size() % 2 == 0) throw ScriptError("calls NAME NUMBER");
  std::string got;
  std::string wanted;
  for (size_t i = 1; i < words.size(); i += 2) {
    const uint32_t count = process_->calls().calls(server_named(words[i]));
    got += " " + words[i] + " " + std::to_string(count);
    wanted += " " + words[i] + " " + std::to_string(std::stoul(words[i + 1]));
  }
  if (got != wanted) throw Difference{"calls:" + got + "; expected" + wanted};
}

}  // namespace siplb::test
