#include "simulation/ledger.h"

#include <cstdio>

namespace siplb::test {

void Ledger::fault(uint32_t number, std::string_view text) {
  if (++fault_count_ > kPrintedMax) return;
  std::printf("call %u: %.*s\n", number, static_cast<int>(text.size()), text.data());
}

void Ledger::on_message_taken(uint32_t number, size_t server) {
  const auto [known, is_new] = messages_.emplace(number, server);
  if (!is_new && known->second != server) fault(number, "a second server took the MESSAGE");
}

void Ledger::on_call_answered(uint32_t number) {
  if (++answers_[number] == 2) count("calls that two servers answered");
}

}  // namespace siplb::test
