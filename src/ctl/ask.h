// How verbs speak with siplbd: a question, its answer printed for people or machines, and what is
// said where there is none.
//
// Thread: one.
#pragma once

#include <string>
#include <variant>

#include "ctl/verb.h"

namespace siplb::ctl {

// The body of an answer with status 200; else the exit code, what is wrong having been said.
using Asked = std::variant<std::string, int>;
[[nodiscard]] Asked ask(const Command& command, const Streams& streams, const std::string& path);

struct Change {
  std::string path;
  std::string body;  // JSON
};
[[nodiscard]] Asked ask(const Command& command, const Streams& streams, const Change& change);

// Prints what was asked: the body as it is for machines, as `to_text` says for people. Returns the
// exit code.
using ToText = std::string (*)(const std::string& body);
[[nodiscard]] int print(const Command& command, const Streams& streams, const Asked& asked,
                        ToText to_text);

}  // namespace siplb::ctl
