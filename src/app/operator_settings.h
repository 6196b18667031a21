// What operators have set at run time, over what the configuration says: states and weights.
//
// They are of a server of the configuration, by its group and name: where it is a host name that
// leads to several places ("s1/1", "s1/2" …), of all of them.
// Thread: any, plain values. Bounds: one setting per server of the configuration.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balance/options.h"
#include "balance/pool_status.h"

namespace siplb::app {

struct OperatorSetting {
  balance::OperatorState state = balance::OperatorState::Ready;
  std::optional<uint32_t> weight;  // nothing: the configured one
  bool operator==(const OperatorSetting&) const = default;
};

// By "GROUP/NAME". What is not in it is as the configuration says.
using OperatorSettings = std::map<std::string, OperatorSetting, std::less<>>;

// What a server's setting is found by: "pbx/s1", of each of its places too.
[[nodiscard]] std::string setting_key(std::string_view group, std::string_view server);

[[nodiscard]] OperatorSetting setting_of(const OperatorSettings& settings, std::string_view key);

// "ready", "drain" or "maint"; nothing for any other word.
[[nodiscard]] std::optional<balance::OperatorState> operator_state(std::string_view word);

// The groups of the configuration with the weights that operators have set.
[[nodiscard]] std::vector<balance::GroupOptions> with_weights(
    std::vector<balance::GroupOptions> groups, const OperatorSettings& settings);

}  // namespace siplb::app
