// siplbctl as it is typed, against a scripted daemon.
#pragma once

#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "ctl/command_line.h"
#include "ctl/run.h"
#include "scripted_daemon.h"

namespace siplb::test {

class TypedCommandTest : public testing::Test {
 protected:
  // The exit code.
  int run(const std::vector<std::string>& words) { return run_at(daemon_.socket(), words); }
  int run_at(const std::string& socket, const std::vector<std::string>& words) {
    out_.str("");
    errors_.str("");
    const ctl::Streams streams{.out = out_, .errors = errors_};
    const auto parsed = ctl::parse_command_line(words, socket, streams);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    return ctl::run(*std::get_if<ctl::Command>(&parsed), streams);
  }

  ScriptedDaemon daemon_;
  std::ostringstream out_;
  std::ostringstream errors_;
};

}  // namespace siplb::test
