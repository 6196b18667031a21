#include "ctl/top_frame.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ctl/text_table.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 5> kRates = {"received", "forwarded", "answered", "unavailable",
                                               "dropped"};
constexpr size_t kFailuresFrom = 3;  // of responses by hundreds: 4xx

double rate_of(uint64_t before, uint64_t now, double seconds) {
  return seconds > 0 && now >= before ? static_cast<double>(now - before) / seconds : 0;
}

struct ServerRates {
  double requests = 0;
  double failures = 0;
};

struct ServerSums {
  uint64_t requests = 0;
  uint64_t failures = 0;
};

ServerSums sums_of(const Json& traffic, const Json& server) {
  ServerSums sums;
  for (const Json& each : traffic.at("servers")) {
    if (each.at("group") != server.at("group") || each.at("name") != server.at("name")) continue;
    sums.requests = each.at("requests").get<uint64_t>();
    const Json& responses = each.at("responses");
    for (size_t i = kFailuresFrom; i < responses.size(); ++i) {
      sums.failures += responses[i].get<uint64_t>();
    }
  }
  return sums;
}

// In numbers.
class Difference {
 public:
  explicit Difference(const Looks& looks)
      : status(Json::parse(looks.now.status)),
        servers(Json::parse(looks.now.servers).at("servers")),
        before_(Json::parse(looks.before.traffic)),
        now_(Json::parse(looks.now.traffic)) {}

  [[nodiscard]] double seconds() const {
    return now_.at("up_seconds").get<double>() - before_.at("up_seconds").get<double>();
  }

  [[nodiscard]] double rate(const char* name) const {
    return rate_of(before_.at("messages").at(name).get<uint64_t>(),
                   now_.at("messages").at(name).get<uint64_t>(), seconds());
  }
  [[nodiscard]] ServerRates rates(const Json& server) const {
    const ServerSums before = sums_of(before_, server);
    const ServerSums now = sums_of(now_, server);
    return {.requests = rate_of(before.requests, now.requests, seconds()),
            .failures = rate_of(before.failures, now.failures, seconds())};
  }
  // The bucket that 99 of 100 ticks are within: its bound is null in the last. Nothing without
  // ticks.
  [[nodiscard]] std::optional<Json> tick_bound() const {
    const Json& before = before_.at("ticks");
    const Json& now = now_.at("ticks");
    const auto grown = [&](size_t i) {
      return now[i].at("count").get<double>() - before[i].at("count").get<double>();
    };
    const double all = grown(now.size() - 1);
    if (all <= 0) return std::nullopt;
    size_t i = 0;
    while (grown(i) < 0.99 * all) ++i;
    return now[i].at("at_most_seconds");
  }

  const Json status;
  const Json servers;

 private:
  const Json before_;
  const Json now_;
};

std::string rate_text(double rate) {
  std::array<char, 32> text;
  if (rate >= 9999.5) return count_text(static_cast<uint64_t>(rate)) + "/s";
  std::snprintf(text.data(), text.size(), rate > 0 && rate < 9.95 ? "%.1f/s" : "%.0f/s", rate);
  return text.data();
}

std::string tick_text(const Difference& difference) {
  const auto bound = difference.tick_bound();
  if (!bound) return "-";
  return bound->is_null() ? "long" : "<" + milliseconds_text(bound->get<double>());
}

std::string heading(const Difference& difference) {
  const Json& status = difference.status;
  std::string out = "siplb " + status.at("version").get<std::string>() + ", up " +
                    age_text(status.at("up_seconds").get<double>());
  if (status.at("draining").get<bool>()) out += ", DRAINING";
  out += "\ncalls " + count_text(status.at("calls").get<uint64_t>());
  out += "   in " + rate_text(difference.rate("received"));
  out += "   out " + rate_text(difference.rate("forwarded"));
  out += "   503 " + rate_text(difference.rate("unavailable"));
  out += "   dropped " + rate_text(difference.rate("dropped"));
  return out + "   ticks " + tick_text(difference) + "\n\n";
}

Row row_of(const Json& server, const ServerRates& rates) {
  const uint64_t calls =
      server.at("calls").get<uint64_t>() + server.at("reserved_calls").get<uint64_t>();
  const Json& age = server.at("health_seconds");
  return {server.at("group").get<std::string>() + '/' + server.at("name").get<std::string>(),
          server.at("state").get<std::string>(),
          server.at("health").get<std::string>(),
          age.is_null() ? "" : age_text(age.get<double>()),
          count_text(calls),
          count_text(server.at("inflight").get<uint64_t>()),
          rate_text(rates.requests),
          rate_text(rates.failures)};
}

}  // namespace

std::string top_frame(const Looks& looks, size_t rows) {
  constexpr size_t kOtherRows = 5;  // heading, titles, and what is left out
  const Difference difference(looks);
  const size_t room = rows > kOtherRows ? rows - kOtherRows : 0;
  std::vector<Row> table;
  size_t left_out = 0;
  for (const Json& server : difference.servers) {
    if (server.at("address").is_null()) continue;
    if (table.size() == room) {
      ++left_out;
      continue;
    }
    table.push_back(row_of(server, difference.rates(server)));
  }
  std::string out = heading(difference) + table_text({{"SERVER"},
                                                      {"STATE"},
                                                      {"HEALTH"},
                                                      {"SINCE", Align::Right},
                                                      {"CALLS", Align::Right},
                                                      {"INFLIGHT", Align::Right},
                                                      {"REQUESTS", Align::Right},
                                                      {"4XX-6XX", Align::Right}},
                                                     table);
  if (left_out > 0) out += "and " + std::to_string(left_out) + " more\n";
  return out;
}

std::string top_json(const Looks& looks) {
  const Difference difference(looks);
  Json rates = Json::object();
  for (const char* name : kRates) rates[name] = difference.rate(name);
  Json servers = Json::array();
  for (const Json& server : difference.servers) {
    const ServerRates of_server = difference.rates(server);
    servers.push_back({{"group", server.at("group")},
                       {"name", server.at("name")},
                       {"state", server.at("state")},
                       {"health", server.at("health")},
                       {"calls", server.at("calls")},
                       {"inflight", server.at("inflight")},
                       {"requests_per_second", of_server.requests},
                       {"failures_per_second", of_server.failures}});
  }
  const auto tick = difference.tick_bound();
  return Json{{"seconds", difference.seconds()},
              {"calls", difference.status.at("calls")},
              {"draining", difference.status.at("draining")},
              {"per_second", std::move(rates)},
              {"tick_p99_seconds", tick ? *tick : Json()},
              {"servers", std::move(servers)}}
             .dump() +
         '\n';
}

}  // namespace siplb::ctl
