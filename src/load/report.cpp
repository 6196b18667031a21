#include "load/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

namespace siplb::load {

namespace {

using Json = nlohmann::ordered_json;

__attribute__((format(printf, 1, 2))) std::string print(const char* format, ...) {
  std::array<char, 512> buffer;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  return buffer.data();
}

double milliseconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double per_second(uint64_t count, Duration elapsed) {
  return elapsed > Duration::zero() ? static_cast<double>(count) / seconds(elapsed) : 0;
}

std::string text_of(const ServerShares::Name& name) {
  return name.empty() ? "other" : std::string(name.view());
}

// Those that answered, as people count them: s1, s2, s10; all others at the end.
std::vector<ServerShares::Share> sorted_shares(const ServerShares& servers) {
  std::vector<ServerShares::Share> out;
  for (const ServerShares::Share& share : servers.shares()) {
    if (share.calls != 0) out.push_back(share);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    const auto order = [](const ServerShares::Share& share) {
      return std::tuple(share.name.empty(), share.name.size(), share.name.view());
    };
    return order(a) < order(b);
  });
  return out;
}

// "s1 25.0 %  s2 75.0 %"
std::string shares_text(const ServerShares& servers) {
  uint64_t all = 0;
  for (const ServerShares::Share& share : servers.shares()) all += share.calls;
  std::string out;
  for (const ServerShares::Share& share : sorted_shares(servers)) {
    const double percent = 100 * static_cast<double>(share.calls) / static_cast<double>(all);
    out += (out.empty() ? "" : "  ") + text_of(share.name) + print(" %.1f %%", percent);
  }
  return out;
}

struct RareCount {
  const char* name;
  uint64_t count;
};

// "lost       3 sent, 4 received\n", the zeros left out; empty where all are.
std::string rare_counts(std::initializer_list<RareCount> counts, const char* title) {
  std::string out;
  for (const auto& [name, count] : counts) {
    if (count != 0) out += (out.empty() ? title : ", ") + std::to_string(count) + " " + name;
  }
  return out.empty() ? out : out + "\n";
}

// Why calls failed, by code, then what has none.
Json failures_json(const CallStats& stats) {
  Json failures = Json::object();
  for (uint16_t code = CallStats::kCodeMin; code <= CallStats::kCodeMax; ++code) {
    const uint64_t count = stats.failures_by_code[code - CallStats::kCodeMin];
    if (count != 0) failures[std::to_string(code)] = count;
  }
  if (stats.timeouts != 0) failures["timeout"] = stats.timeouts;
  if (stats.disconnected != 0) failures["disconnected"] = stats.disconnected;
  if (stats.oversized != 0) failures["oversized"] = stats.oversized;
  return failures;
}

Json connections_json(const ConnectionCounts& counts) {
  return {{"opened", counts.opened}, {"accepted", counts.accepted}, {"refused", counts.refused},
          {"lost", counts.lost},     {"garbled", counts.garbled},   {"reset", counts.reset}};
}

// "connected  50 opened, 1 lost\n"; empty where there were none.
std::string connections_text(const ConnectionCounts& counts, const char* title) {
  return rare_counts({{"opened", counts.opened},
                      {"accepted", counts.accepted},
                      {"refused", counts.refused},
                      {"lost", counts.lost},
                      {"garbled", counts.garbled},
                      {"reset by us", counts.reset}},
                     title);
}

struct ServerField {
  const char* name;
  uint64_t ServerStats::*count;
};

constexpr ServerField kServerFields[] = {
    {"calls", &ServerStats::calls},
    {"requests", &ServerStats::requests},
    {"acks", &ServerStats::acks},
    {"stickiness_violations", &ServerStats::misroutes},
    {"unknown_dialogs", &ServerStats::unknown_dialogs},
    {"dropped", &ServerStats::dropped},
    {"rejected", &ServerStats::rejected},
    {"cancelled", &ServerStats::cancelled},
    {"merged", &ServerStats::merged},
    {"repeated", &ServerStats::repeated},
    {"retransmissions", &ServerStats::retransmissions},
    {"unacknowledged", &ServerStats::unacknowledged},
    {"strays", &ServerStats::strays},
    {"refused_sends", &ServerStats::refused_sends},
};

// {"INVITE": 3, "BYE": 2}, the zeros left out.
Json methods_json(const MethodCounts& counts) {
  Json out = Json::object();
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    out[std::string(sip::method_name(static_cast<sip::Method>(i)))] = counts[i];
  }
  return out;
}

Json identity(const ServerOptions& server) {
  return {{"id", server.name}, {"address", std::string(server.address.text().view())}};
}

}  // namespace

std::string call_json(const CallRun& run) {
  const CallStats& stats = run.stats;
  Json servers = Json::object();
  for (const ServerShares::Share& share : sorted_shares(stats.servers)) {
    servers[text_of(share.name)] = share.calls;
  }
  const Json setup = {{"p50", milliseconds(stats.setup.quantile(0.5))},
                      {"p90", milliseconds(stats.setup.quantile(0.9))},
                      {"p99", milliseconds(stats.setup.quantile(0.99))},
                      {"max", milliseconds(stats.setup.quantile(1))}};
  const Json out = {{"ok", stats.all_well()},
                    {"seed", run.seed},
                    {"elapsed_s", seconds(run.elapsed)},
                    {"rate", per_second(stats.succeeded, run.elapsed)},
                    {"started", stats.started},
                    {"succeeded", stats.succeeded},
                    {"failed", stats.failed()},
                    {"in_flight", stats.in_flight()},
                    {"not_started", stats.not_started},
                    {"failures", failures_json(stats)},
                    {"cancelled", stats.cancelled},
                    {"cancelled_too_late", stats.cancelled_too_late},
                    {"refused_cancels", stats.refused_cancels},
                    {"duplicate_2xx", stats.duplicate_2xx},
                    {"late_2xx", stats.late_2xx},
                    {"unreleased", stats.unreleased},
                    {"stickiness_violations", stats.misroutes},
                    {"retransmissions", stats.retransmissions},
                    {"repeated_answers", stats.repeated_answers},
                    {"strays", stats.strays},
                    {"refused_sends", stats.refused_sends},
                    {"lost_sent", run.losses.sent},
                    {"lost_received", run.losses.received},
                    {"kernel_drops", run.losses.kernel_drops},
                    {"connections", connections_json(run.connections)},
                    {"setup_ms", setup},
                    {"servers", servers}};
  return out.dump();
}

std::string call_summary(const CallRun& run) {
  const CallStats& stats = run.stats;
  std::string out = print("calls      %llu started, %llu succeeded, %llu failed, %llu in flight",
                          static_cast<unsigned long long>(stats.started),
                          static_cast<unsigned long long>(stats.succeeded),
                          static_cast<unsigned long long>(stats.failed()),
                          static_cast<unsigned long long>(stats.in_flight()));
  if (stats.not_started != 0) out += ", " + std::to_string(stats.not_started) + " not started";
  out += print("\ntime       %.1f s, %.0f calls/s\n", seconds(run.elapsed),
               per_second(stats.succeeded, run.elapsed));
  out += print("set-up     p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms\n",
               milliseconds(stats.setup.quantile(0.5)), milliseconds(stats.setup.quantile(0.9)),
               milliseconds(stats.setup.quantile(0.99)), milliseconds(stats.setup.quantile(1)));
  const std::string shares = shares_text(stats.servers);
  if (!shares.empty()) out += "servers    " + shares + "\n";
  out += print("stickiness %llu violations\n", static_cast<unsigned long long>(stats.misroutes));
  out += print(
      "losses     %llu retransmissions, %llu repeated answers, %llu strays, "
      "%llu refused sends, %llu kernel drops\n",
      static_cast<unsigned long long>(stats.retransmissions),
      static_cast<unsigned long long>(stats.repeated_answers),
      static_cast<unsigned long long>(stats.strays),
      static_cast<unsigned long long>(stats.refused_sends),
      static_cast<unsigned long long>(run.losses.kernel_drops));
  out += rare_counts({{"ended in 487", stats.cancelled},
                      {"answered all the same", stats.cancelled_too_late},
                      {"CANCELs refused", stats.refused_cancels}},
                     "cancelled  ");
  out += rare_counts({{"beside the call's own", stats.duplicate_2xx},
                      {"of calls that were over", stats.late_2xx},
                      {"without an answer to their BYE", stats.unreleased}},
                     "released   ");
  out += rare_counts({{"sent", run.losses.sent}, {"received", run.losses.received}}, "lost       ");
  out += connections_text(run.connections, "connected  ");
  const Json failures = failures_json(stats);
  for (const auto& [reason, count] : failures.items()) {
    out += "failed     " + reason + ": " + count.dump() + "\n";
  }
  return out;
}

std::string CallTable::heading() {
  return "  time      calls    calls/s  in flight     failed     p50 ms     p99 ms  servers";
}

std::string CallTable::row(const CallRun& run) {
  const CallStats& stats = run.stats;
  const double rate =
      per_second(stats.succeeded - succeeded_before_, run.elapsed - elapsed_before_);
  succeeded_before_ = stats.succeeded;
  elapsed_before_ = run.elapsed;
  return print("%5.0fs %10llu %10.0f %10llu %10llu %10.2f %10.2f  ", seconds(run.elapsed),
               static_cast<unsigned long long>(stats.started), rate,
               static_cast<unsigned long long>(stats.in_flight()),
               static_cast<unsigned long long>(stats.failed()),
               milliseconds(stats.setup_recent.quantile(0.5)),
               milliseconds(stats.setup_recent.quantile(0.99))) +
         shares_text(stats.servers);
}

std::string servers_json(const Answerer& answerer) {
  Json servers = Json::array();
  for (size_t i = 0; i < answerer.server_count(); ++i) {
    servers.push_back(identity(answerer.server(i)));
  }
  return Json{{"servers", servers}}.dump();
}

std::string servers_text(const Answerer& answerer) {
  std::string out;
  for (size_t i = 0; i < answerer.server_count(); ++i) {
    const ServerOptions& server = answerer.server(i);
    out += server.name + " " + std::string(server.address.text().view()) + "\n";
  }
  return out;
}

std::string serve_json(const ServeRun& run) {
  Json servers = Json::array();
  for (size_t i = 0; i < run.answerer.server_count(); ++i) {
    const ServerStats& stats = run.answerer.stats(i);
    Json server = identity(run.answerer.server(i));
    for (const ServerField& field : kServerFields) server[field.name] = stats.*field.count;
    server["methods"] = methods_json(stats.methods);
    servers.push_back(server);
  }
  const DeliveryTotals& totals = run.answerer.totals();
  const Json out = {{"servers", servers},
                    {"distinct_invites", totals.distinct_invites},
                    {"calls_seen_twice", totals.calls_seen_twice},
                    {"delivered_twice", methods_json(totals.delivered_twice)},
                    {"seed", run.seed},
                    {"lost_sent", run.losses.sent},
                    {"lost_received", run.losses.received},
                    {"kernel_drops", run.losses.kernel_drops},
                    {"connections", connections_json(run.connections)}};
  return out.dump();
}

std::string serve_summary(const ServeRun& run) {
  std::string out;
  for (size_t i = 0; i < run.answerer.server_count(); ++i) {
    out += run.answerer.server(i).name;
    for (const ServerField& field : kServerFields) {
      const uint64_t count = run.answerer.stats(i).*field.count;
      if (count != 0) out += std::string("  ") + field.name + " " + std::to_string(count);
    }
    out += "\n";
  }
  const DeliveryTotals& totals = run.answerer.totals();
  if (totals.calls_seen_twice != 0) {
    out += "calls seen twice " + std::to_string(totals.calls_seen_twice) + "\n";
  }
  const Json twice = methods_json(totals.delivered_twice);
  for (const auto& [method, count] : twice.items()) {
    out += method + " delivered twice " + count.dump() + "\n";
  }
  out += rare_counts({{"sent", run.losses.sent}, {"received", run.losses.received}}, "lost ");
  out += rare_counts({{"in the kernel", run.losses.kernel_drops}}, "dropped ");
  out += connections_text(run.connections, "connections ");
  return out;
}

}  // namespace siplb::load
