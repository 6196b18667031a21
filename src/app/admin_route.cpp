#include "app/admin_route.h"

#include <nlohmann/json.hpp>

#include "app/control.h"

namespace siplb::app {
namespace {

int status_of(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::NoSuchServer: return 404;
    case Refusal::Kind::LastUsable: return 409;
    case Refusal::Kind::BadFile:
    case Refusal::Kind::NeedsRestart: return 422;
    case Refusal::Kind::NotKept:
    case Refusal::Kind::NotOpened: return 500;
    case Refusal::Kind::Ending: break;
  }
  return 503;
}

}  // namespace

AdminAnswer admin_error(int status, std::string_view text) {
  // What was asked may come back in the text, and is not always UTF-8.
  const nlohmann::json body = {{"error", text}};
  return {.status = status,
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n'};
}

AdminAnswer admin_error(const Refusal& refusal) {
  return admin_error(status_of(refusal.kind), refusal.text);
}

}  // namespace siplb::app
