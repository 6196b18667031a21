#include "app/operator_settings.h"

namespace siplb::app {

std::string setting_key(std::string_view group, std::string_view server) {
  return std::string(group) + '/' + std::string(server.substr(0, server.find('/')));
}

OperatorSetting setting_of(const OperatorSettings& settings, std::string_view key) {
  const auto found = settings.find(key);
  return found == settings.end() ? OperatorSetting{} : found->second;
}

std::optional<balance::OperatorState> operator_state(std::string_view word) {
  for (size_t i = 0; i < static_cast<size_t>(balance::OperatorState::kCount); ++i) {
    const auto state = static_cast<balance::OperatorState>(i);
    if (word == balance::name(state)) return state;
  }
  return std::nullopt;
}

std::vector<balance::GroupOptions> with_weights(std::vector<balance::GroupOptions> groups,
                                                const OperatorSettings& settings) {
  for (balance::GroupOptions& group : groups) {
    for (balance::ServerOptions& server : group.servers) {
      const auto weight = setting_of(settings, setting_key(group.name, server.name)).weight;
      server.weight = weight.value_or(server.weight);
    }
  }
  return groups;
}

}  // namespace siplb::app
