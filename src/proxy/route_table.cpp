#include "proxy/route_table.h"

#include <algorithm>
#include <array>
#include <string>

#include "proxy/pattern.h"
#include "sip/escape.h"
#include "sip/header_names.h"

namespace siplb::proxy {
namespace {

bool has_bit(uint64_t set, unsigned position) {
  return (set >> position & 1) != 0;
}

bool takes_sender(const RouteOptions& route, uint64_t sender_groups) {
  if (!route.from_group) return sender_groups == 0;
  return has_bit(sender_groups, *route.from_group);
}

std::optional<RouteKey> obstacle_of_way(const RouteOptions& route, const RouteQuery& query) {
  if (!has_bit(route.methods, static_cast<unsigned>(query.method))) return RouteKey::Methods;
  if (!has_bit(route.listeners, query.source.listener)) return RouteKey::Listeners;
  if (!has_bit(route.transports, static_cast<unsigned>(query.source.transport))) {
    return RouteKey::Transports;
  }
  if (!takes_sender(route, query.sender_groups)) return RouteKey::FromGroup;
  const bool takes_source =
      route.sources.empty() || any_contains(route.sources, query.source.remote);
  return takes_source ? std::nullopt : std::optional(RouteKey::Sources);
}

// A number without its visual separators (RFC 3966, 3).
std::string_view read_number(std::string_view text, std::span<char> buffer) {
  constexpr std::string_view kVisualSeparators = "-.()";
  size_t length = 0;
  while (!text.empty() && length < buffer.size()) {
    const char octet = sip::take_unescaped(text);
    if (kVisualSeparators.find(octet) == std::string_view::npos) buffer[length++] = octet;
  }
  return {buffer.data(), length};
}

std::string_view read_user(const sip::Uri& uri, std::span<char> buffer) {
  if (uri.scheme == sip::Scheme::Tel) return read_number(uri.host, buffer);
  return sip::unescape(uri.user, buffer);
}

std::string_view host_of(const sip::Uri& uri) {
  const bool has_host = uri.scheme == sip::Scheme::Sip || uri.scheme == sip::Scheme::Sips;
  return has_host ? uri.host : std::string_view();
}

std::optional<Pattern> make_pattern(const std::optional<PatternText>& text,
                                    LetterCase letter_case) {
  if (!text) return std::nullopt;
  return Pattern(*text, letter_case);
}

}  // namespace

struct RouteTable::Conditions {
  struct HeaderCondition {
    std::string name;  // the long form
    Pattern value;
  };

  const RouteOptions* route;
  std::optional<Pattern> user;
  std::optional<Pattern> host;
  std::vector<HeaderCondition> headers;
};

// A request as patterns see it.
class RouteTable::Candidate {
 public:
  Candidate(const sip::Message& message, Counter& expressions)
      : message_(message), expressions_(expressions) {}

  [[nodiscard]] std::optional<RouteKey> find_obstacle(const Conditions& conditions) {
    if (conditions.user && !holds(*conditions.user, user())) return RouteKey::RequestUser;
    if (conditions.host && !holds(*conditions.host, host_of(message_.uri))) {
      return RouteKey::RequestHost;
    }
    const bool has_all =
        std::all_of(conditions.headers.begin(), conditions.headers.end(),
                    [&](const Conditions::HeaderCondition& header) { return has(header); });
    return has_all ? std::nullopt : std::optional(RouteKey::Headers);
  }

 private:
  bool holds(const Pattern& pattern, std::string_view text) {
    if (pattern.is_expression()) expressions_.add();
    return pattern.matches(text);
  }

  bool has(const Conditions::HeaderCondition& condition) {
    const auto headers = message_.headers();
    return std::any_of(headers.begin(), headers.end(), [&](const sip::Header& header) {
      return sip::equal_caseless(sip::long_form(header.name), condition.name) &&
             holds(condition.value, header.value);
    });
  }

  std::string_view user() {
    if (!user_) user_ = read_user(message_.uri, user_octets_);
    return *user_;
  }

  const sip::Message& message_;
  Counter& expressions_;
  std::optional<std::string_view> user_;
  // Room for any: of a user that were cut off, nobody could say how it ends. Only what is written
  // is touched.
  std::array<char, sip::kMessageOctetsMax> user_octets_;
};

RouteTable::RouteTable(std::span<const RouteOptions> routes) {
  conditions_.reserve(routes.size());
  for (const RouteOptions& route : routes) {
    std::vector<Conditions::HeaderCondition> headers;
    for (const HeaderMatch& match : route.headers) {
      headers.push_back({.name = std::string(sip::long_form(match.name)),
                         .value = Pattern(match.pattern, LetterCase::Matters)});
    }
    conditions_.push_back({.route = &route,
                           .user = make_pattern(route.request_user, LetterCase::Matters),
                           .host = make_pattern(route.request_host, LetterCase::Ignored),
                           .headers = std::move(headers)});
  }
}

RouteTable::~RouteTable() = default;

std::optional<size_t> RouteTable::select(const RouteQuery& query, Counter& expressions) const {
  Candidate candidate(query.message, expressions);
  for (size_t i = 0; i < conditions_.size(); ++i) {
    if (!find_obstacle(conditions_[i], query, candidate)) return i;
  }
  return std::nullopt;
}

std::optional<RouteKey> RouteTable::find_obstacle(size_t route, const RouteQuery& query,
                                                  Counter& expressions) const {
  Candidate candidate(query.message, expressions);
  return find_obstacle(conditions_[route], query, candidate);
}

std::optional<RouteKey> RouteTable::find_obstacle(const Conditions& conditions,
                                                  const RouteQuery& query, Candidate& candidate) {
  const auto of_way = obstacle_of_way(*conditions.route, query);
  return of_way ? of_way : candidate.find_obstacle(conditions);
}

std::string_view name(RouteKey key) {
  switch (key) {
    case RouteKey::Methods: return "methods";
    case RouteKey::Listeners: return "listeners";
    case RouteKey::Transports: return "transports";
    case RouteKey::FromGroup: return "from_group";
    case RouteKey::Sources: return "sources";
    case RouteKey::RequestUser: return "request_user";
    case RouteKey::RequestHost: return "request_host";
    case RouteKey::Headers: return "headers";
  }
  return {};
}

size_t expression_count(std::span<const RouteOptions> routes) {
  size_t count = 0;
  for (const RouteOptions& route : routes) {
    if (route.request_user && is_expression(*route.request_user)) ++count;
    if (route.request_host && is_expression(*route.request_host)) ++count;
    count += static_cast<size_t>(
        std::count_if(route.headers.begin(), route.headers.end(),
                      [](const HeaderMatch& match) { return is_expression(match.pattern); }));
  }
  return count;
}

}  // namespace siplb::proxy
