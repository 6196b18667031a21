#include "proxy/response_context.h"

#include <algorithm>

namespace siplb::proxy {
namespace {

// Lower is better: 6xx, then the lowest class; within it what tells the caller how to do better,
// and last what only says that nothing was heard or that we stopped it ourselves.
int rank(uint16_t code) {
  const int by_class = code >= 600 ? 0 : code / 100 * 10;
  switch (code) {
    case 401:
    case 407:
    case 415:
    case 420:
    case 484: return by_class;
    case 408:
    case 487:
    case 503: return by_class + 2;
    default: return by_class + 1;
  }
}

}  // namespace

bool is_better(uint16_t code, uint16_t best) {
  return best == 0 || rank(code) < rank(best);
}

bool ResponseContext::is_answer_open() const {
  const auto open = [this](const Attempt& attempt) {
    // The last candidate has all its time, unless there is a server's word to go by.
    const bool is_silent =
        is_waiting(attempt) && (attempt.is_given_up || (attempt.patience_count > 0 && kept));
    return is_pending(attempt) && !is_silent;
  };
  return std::any_of(tried().begin(), tried().end(), open);
}

bool ResponseContext::is_any_pending() const {
  return awaited != NamedBy::Nothing ||
         std::any_of(tried().begin(), tried().end(),
                     [this](const Attempt& attempt) { return is_pending(attempt); });
}

bool ResponseContext::is_upstream_done() const {
  if (has_no_client) return true;
  if (!is_final_sent) return false;
  // A final response that was not kept can't be repeated: only its code is remembered.
  return !is_invite() || invite.state() != transaction::InviteServer::State::Completed || !kept;
}

}  // namespace siplb::proxy
