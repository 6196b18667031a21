#include "ctl/doctor.h"

#include <cstdlib>
#include <ostream>

#include <nlohmann/json.hpp>

#include "ctl/daemon_client.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

// Where nobody says otherwise.
const std::vector<uint16_t> kUsualPorts = {5060, 5061};

// Nothing where nobody answers, or not as siplbd does.
Json asked(const DaemonClient& daemon, const std::string& path) {
  const auto answer = daemon.get(path);
  const auto* reply = std::get_if<Reply>(&answer);
  return reply == nullptr || reply->status != 200 ? Json()
                                                  : Json::parse(reply->body, nullptr, false);
}

uint16_t port_of(const std::string& address) {
  const size_t colon = address.rfind(':');
  return static_cast<uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10));
}

// The process that listens there, and its ports.
HostQuestion question_of(const Command& command) {
  const DaemonClient daemon(command.socket);
  HostQuestion question{.ports = kUsualPorts};
  const Json status = asked(daemon, "/v1/status");
  const Json listeners = asked(daemon, "/v1/listeners");
  if (!status.is_object() || !listeners.is_object()) return question;
  question.daemon = status.at("pid").get<pid_t>();
  question.ports.clear();
  for (const Json& listener : listeners.at("listeners")) {
    question.ports.push_back(port_of(listener.at("address").get<std::string>()));
  }
  return question;
}

}  // namespace

std::vector<Finding> findings_of_host(const Command& command) {
  const HostQuestion question = question_of(command);
  return diagnose(read_host_facts(question), question.ports);
}

std::string findings_json(const std::vector<Finding>& findings) {
  Json checks = Json::array();
  for (const Finding& each : findings) {
    checks.push_back({{"check", each.check},
                      {"good", each.remedy.empty()},
                      {"text", each.text},
                      {"remedy", each.remedy.empty() ? Json() : Json(each.remedy)}});
  }
  return Json{{"checks", std::move(checks)}}.dump() + '\n';
}

int doctor(const Command& command, const Streams& streams) {
  const std::vector<Finding> findings = findings_of_host(command);
  streams.out << (command.output == Output::Json ? findings_json(findings)
                                                 : findings_text(findings));
  return is_well(findings) ? kExitDone : kExitRefused;
}

}  // namespace siplb::ctl
