// Transports as the file names them: udp and tcp; tls is not yet supported.
//
// Thread: one.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/section.h"
#include "sip/method.h"

namespace siplb::config {

inline constexpr std::string_view kTransportList = "a list of transports: udp, tcp";

// The transport called `node.text`; what cannot be had is added to the faults.
[[nodiscard]] std::optional<sip::Transport> find_transport(const YamlNode& node,
                                                           const ReadContext& context);

// A list of transports, each once; `transports` is empty afterwards where something is wrong with
// it. Returns as Value::Read.
[[nodiscard]] bool read_transports(const YamlNode& node, std::vector<sip::Transport>& transports,
                                   const ReadContext& context);

}  // namespace siplb::config
