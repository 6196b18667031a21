#include "simulation/network.h"

#include <cstdio>
#include <utility>

#include "scenario/message_text.h"
#include "simulation/plan.h"
#include "sip/message.h"

namespace siplb::test {

void Network::send(Datagram datagram) {
  ++stats_.sent;
  if (dice_.chance(options_.lost)) {
    ++stats_.lost;
    return lose(datagram, "lost");
  }
  trace(datagram, "sent");
  if (dice_.chance(options_.doubled)) {
    ++stats_.doubled;
    events_.after(delay(), [this, datagram] { deliver_(datagram); });
  }
  events_.after(delay(), [this, datagram = std::move(datagram)] { deliver_(datagram); });
}

void Network::lose(const Datagram& datagram, const char* why) {
  trace(datagram, why);
  ledger_.on_lost(datagram.text);
}

void Network::trace(const Datagram& datagram, const char* what) const {
  if (!options_.traced || number_of(sip::peek_call_id(datagram.text)) != options_.traced) return;
  const auto at = std::chrono::duration<double>(events_.now().time_since_epoch()).count();
  const std::string line = datagram.text.substr(0, datagram.text.find("\r\n"));
  std::printf("%11.6f  %-21s %-21s %s  %s | %s | %s\n", at,
              std::string(datagram.from.text()).c_str(), std::string(datagram.to.text()).c_str(),
              what, line.c_str(), first_value(datagram.text, "CSeq").c_str(),
              branch_of(datagram.text).c_str());
}

}  // namespace siplb::test
