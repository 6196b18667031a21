// Which messages a mailbox that runs full still takes.
//
// Judged by the first octets, before anything is scanned: what ends, answers or goes on with work
// that was admitted already is urgent, all else is new work. A re-INVITE looks like new work; its
// sender tries again.
// Thread: any, pure. Bounds: the start of the first line.
#pragma once

#include <string_view>

#include "net/mailbox.h"

namespace siplb::proxy {

// Urgent: responses, ACK, BYE, CANCEL, INFO, PRACK and UPDATE.
[[nodiscard]] net::MailClass mail_class_of(std::string_view octets);

}  // namespace siplb::proxy
