// The file's small languages: numbers, durations, sizes, names, hosts.
//
// Each reader takes all of its text or nothing. Thread: any. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "balance/options.h"
#include "base/address.h"

namespace siplb::config {

inline constexpr size_t kNameLengthMax = 32;

// "5060": decimal, without sign or leading zeros (YAML reads those as octal).
[[nodiscard]] std::optional<uint64_t> parse_number(std::string_view text);
// "500ms", "5s", "2m", "4h", "60d".
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "64KiB", "512MiB", "2GiB".
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);
// "50/s".
[[nodiscard]] std::optional<uint64_t> parse_rate(std::string_view text);
// The other way, in the largest unit that needs no fraction.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);
[[nodiscard]] std::string size_text(uint64_t octets);

// [A-Za-z0-9_-]{1,32}
[[nodiscard]] bool is_name(std::string_view text);
// A token of RFC 3261, 25.1: what a header may be called.
[[nodiscard]] bool is_header_name(std::string_view text);
// The long form of a header's name, or of one that ends in '*' for all names that begin so; no
// other '*' is taken.
[[nodiscard]] std::optional<std::string> parse_header_pattern(std::string_view text);
// Text that may stand in a status line: no control octets.
[[nodiscard]] bool is_reason_phrase(std::string_view text);
// The text of a host: a host name, an IPv4 literal or an IPv6 literal in brackets; no wildcard
// address. Anything that ends like an IPv4 literal has to be one.
[[nodiscard]] std::optional<std::string> parse_host(std::string_view text);
// "10.0.0.2" or "[::1]:5353", port 53 where it has none: the address of one host.
[[nodiscard]] std::optional<SockAddress> parse_nameserver(std::string_view text);
// "host" or "host:port"; no port 0.
[[nodiscard]] bool is_sent_by(std::string_view text);

inline constexpr std::string_view kHashKeys =
    "call-id | from-user | to-user | request-user | source-ip | header:NAME";
[[nodiscard]] std::optional<balance::HashKeyOptions> parse_hash_key(std::string_view text);

}  // namespace siplb::config
