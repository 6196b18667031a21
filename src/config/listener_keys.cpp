// The table's part about listeners: addresses, what they are called, what clients may not send.
#include <algorithm>

#include "config/keys.h"
#include "config/lists.h"
#include "config/transports.h"
#include "config/values.h"
#include "sip/header_names.h"

namespace siplb::config {
namespace {

using transport::Advertised;
using transport::HeaderPolicy;
using transport::ListenerOptions;
using transport::ListenerRole;

bool read_address(const YamlNode& node, ListenerOptions& listener, const ReadContext&) {
  const auto address = node.is_text() ? SockAddress::parse(node.text) : std::nullopt;
  if (address) listener.address = *address;
  return address.has_value();
}

bool read_listener_transports(const YamlNode& node, ListenerOptions& listener,
                              const ReadContext& context) {
  return read_transports(node, listener.transports, context);
}

const KeyTable<Advertised>& advertised_keys() {
  static const KeyTable<Advertised> table = {
      {"to", networks(&Advertised::to, transport::kNetworksMax), "everybody"},
      {"as", text(&Advertised::as, "a host with or without port", is_sent_by), kRequired},
  };
  return table;
}

// One name for everybody, or a list of names.
Value<ListenerOptions> advertise() {
  Value<ListenerOptions> names =
      list(&ListenerOptions::advertise, advertised_keys(), transport::kAdvertisedMax);
  const auto read = [read_names = names.read](const YamlNode& node, ListenerOptions& listener,
                                              const ReadContext& context) {
    if (!node.is_text()) return read_names(node, listener, context);
    if (!is_sent_by(node.text)) return false;
    listener.advertise = {{.to = {}, .as = node.text}};
    return true;
  };
  return {"a host with or without port, or " + names.takes, read, std::move(names.keys_below)};
}

// ---- headers ----------------------------------------------------------------------------------

// What no message can be without, or what siplb goes by.
constexpr std::string_view kHeadersRead[] = {
    "Via",          "From",  "To",           "Call-ID",        "CSeq",
    "Max-Forwards", "Route", "Record-Route", "Content-Length", "Proxy-Require",
    "Contact",
};
static_assert(std::size(kHeadersRead) == static_cast<size_t>(sip::HeaderId::Other));

bool fits(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return sip::equal_caseless(pattern, name);
  pattern.remove_suffix(1);
  return sip::equal_caseless(pattern, name.substr(0, pattern.size()));
}

// Refuses what would take out of messages what siplb reads there.
void refuse_headers_read(std::string_view pattern, const YamlNode& node, FaultList& faults) {
  const auto found = std::find_if(std::begin(kHeadersRead), std::end(kHeadersRead),
                                  [&](std::string_view name) { return fits(pattern, name); });
  if (found == std::end(kHeadersRead)) return;
  faults.add(node.place, shown(node.text) + " would take out " + shown(*found) +
                             ", which siplb cannot do without");
}

Value<HeaderPolicy> removed_headers() {
  Value<HeaderPolicy> names =
      list_of(&HeaderPolicy::remove,
              {"a header's name, '*' only at its end,", "headers' names, or beginnings and '*'",
               transport::kHeadersRemovedMax},
              parse_header_pattern);
  const auto read = [read_names = names.read](const YamlNode& node, HeaderPolicy& headers,
                                              const ReadContext& context) {
    if (!read_names(node, headers, context)) return false;
    for (size_t i = 0; i < headers.remove.size(); ++i) {
      refuse_headers_read(headers.remove[i], node.items[i], context.faults);
    }
    return true;
  };
  return {names.takes, read};
}

bool read_source_header(const YamlNode& node, HeaderPolicy& headers, const ReadContext& context) {
  const auto name = node.is_text() ? parse_header_pattern(node.text) : std::nullopt;
  if (!name || name->ends_with('*')) return false;
  refuse_headers_read(*name, node, context.faults);
  headers.source = *name;
  return true;
}

const KeyTable<HeaderPolicy>& header_keys() {
  static const KeyTable<HeaderPolicy> table = {
      {"remove", removed_headers(), "none"},
      {"source", {"a header's name", read_source_header}, "none"},
  };
  return table;
}

}  // namespace

const KeyTable<ListenerOptions>& listener_keys() {
  static const KeyTable<ListenerOptions> table = {
      {"name", name(&ListenerOptions::name), kRequired},
      {"address",
       {"an address with port: 192.0.2.1:5060 or [2001:db8::1]:5060", read_address},
       kRequired},
      {"transports", {std::string(kTransportList), read_listener_transports}, "[udp]"},
      {"stun", flag(&ListenerOptions::stun), "false"},
      {"role",
       choice<ListenerOptions, ListenerRole>(&ListenerOptions::role,
                                             {{"clients", ListenerRole::Clients},
                                              {"servers", ListenerRole::Servers},
                                              {"both", ListenerRole::Both}}),
       "both for a single listener, else clients"},
      {"advertise", advertise(), "the address"},
      {"headers", section(&ListenerOptions::headers, header_keys()), ""},
      {"tls", not_yet<ListenerOptions>(), ""},
      {"sips", not_yet<ListenerOptions>(), ""},
  };
  return table;
}

}  // namespace siplb::config
