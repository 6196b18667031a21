#include "app/generation.h"

#include <utility>

#include "net/local_address.h"

namespace siplb::app {

sip::Seal make_seal(const NodeIdentity& node, const config::GlobalOptions& options) {
  return {node.key, node.instance, static_cast<uint16_t>(options.token_life.count())};
}

Control::MakeSnapshot snapshot_maker(std::shared_ptr<const Generation> generation,
                                     const NodeIdentity& node) {
  return
      [generation = std::move(generation), &node](std::span<const balance::GroupOptions> groups) {
        const config::Configuration& configuration = generation->configuration();
        return std::make_unique<proxy::Snapshot>(proxy::make_snapshot({
            .listeners = configuration.listeners,
            .bound = generation->bound,
            .names = configuration.global.names,
            .groups = groups,
            .places = generation->arranged.servers,
            .routing = generation->routing,
            .host = {.is_on_way = net::is_on_way, .is_on_host = net::is_on_host},
            .seal = make_seal(node, configuration.global),
            .table_key = node.table_key,
            .scan_limits = {.headers_max = configuration.limits.headers},
            .message_octets_max = configuration.limits.message_bytes,
            .logs_calls = configuration.global.log.calls,
            .self_probe = configuration.global.self_probe,
            .config_hash = generation->hash,
            .steered = generation->steered,
        }));
      };
}

}  // namespace siplb::app
