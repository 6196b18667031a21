#include "config/transports.h"

#include <algorithm>

#include "config/references.h"

namespace siplb::config {

using sip::Transport;

std::optional<Transport> find_transport(const YamlNode& node, const ReadContext& context) {
  struct Named {
    std::string_view name;
  };
  static const std::vector<Named> transports = {{sip::transport_label(Transport::Udp)},
                                                {sip::transport_label(Transport::Tcp)},
                                                {sip::transport_label(Transport::Tls)}};
  const auto index = find_named("transport", transports, node, context);
  if (!index) return std::nullopt;
  const auto transport = static_cast<Transport>(*index);
  if (transport != Transport::Tls) return transport;
  context.faults.add(node.place, shown(node.text) + " is not yet supported");
  return std::nullopt;
}

bool read_transports(const YamlNode& node, std::vector<Transport>& transports,
                     const ReadContext& context) {
  transports.clear();
  if (node.kind != YamlNode::Kind::List || node.items.empty()) return false;
  std::vector<Transport> found;
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::Broken) continue;
    if (!item.is_text()) return false;
    const auto transport = find_transport(item, context);
    if (!transport) continue;
    if (std::find(found.begin(), found.end(), *transport) != found.end()) {
      context.faults.add(item.place, "transport " + shown(item.text) + " is repeated");
    } else {
      found.push_back(*transport);
    }
  }
  if (found.size() == node.items.size()) transports = std::move(found);
  return true;
}

}  // namespace siplb::config
