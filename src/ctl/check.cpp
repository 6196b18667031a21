#include "ctl/check.h"

#include <filesystem>
#include <ostream>
#include <sstream>
#include <system_error>

#include <nlohmann/json.hpp>

namespace siplb::ctl {
namespace {

constexpr std::string_view kWarning = "warning: ";

// {"good": true, "faults": [], "warnings": []}
std::string report_of(const Printed& printed) {
  nlohmann::ordered_json report = {{"good", printed.code == 0},
                                   {"faults", nlohmann::ordered_json::array()},
                                   {"warnings", nlohmann::ordered_json::array()}};
  std::istringstream lines(printed.errors);
  for (std::string line; std::getline(lines, line);) {
    const bool is_warning = line.starts_with(kWarning);
    report[is_warning ? "warnings" : "faults"].push_back(is_warning ? line.substr(kWarning.size())
                                                                    : line);
  }
  // What is wrong may be that it is no UTF-8.
  return report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string siplbd_path() {
  std::error_code fault;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", fault);
  const auto beside = own.parent_path() / "siplbd";
  return !fault && std::filesystem::exists(beside, fault) ? beside.string() : "siplbd";
}

int print_report(const Command& command, const Streams& streams, const Printed& printed) {
  if (command.output == Output::Json) {
    streams.out << report_of(printed);
  } else {
    streams.errors << printed.errors;
    streams.out << printed.out;
  }
  return printed.code == 0 ? kExitDone : kExitRefused;
}

int check(const Command& command, const Streams& streams) {
  const auto printed = run_program({siplbd_path(), "--check", "--config=" + command.value("file")});
  if (printed) return print_report(command, streams, *printed);
  streams.errors << "siplbctl: siplbd is neither beside siplbctl nor in PATH\n";
  return kExitRefused;
}

}  // namespace siplb::ctl
