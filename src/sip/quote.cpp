#include "sip/quote.h"

#include "sip/lane_marker.h"
#include "sip/param.h"
#include "sip/seal.h"
#include "sip/text.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kOwnVia = "Via: SIP/2.0/";  // as we write it

// The value of our Via, maybe cut off; empty where the first header is another.
std::string_view first_via(std::string_view headers) {
  if (!headers.starts_with(kOwnVia)) return {};
  return headers.substr(0, headers.find(kLineEnd));
}

}  // namespace

std::optional<Quote> read_quote(std::string_view octets) {
  const size_t line_end = octets.find(kLineEnd);
  if (line_end == std::string_view::npos) return std::nullopt;
  const std::string_view method = octets.substr(0, span_of(kTokenChar, octets));
  // A status line starts with "SIP/", and '/' is in no method.
  if (method.empty() || octets[method.size()] != ' ') return std::nullopt;
  const std::string_view via = first_via(octets.substr(line_end + kLineEnd.size()));
  const size_t params_at = via.find(';');
  if (params_at == std::string_view::npos) return std::nullopt;

  const std::string_view params = via.substr(params_at + 1);
  const std::string_view branch = find_param(params, "branch");
  const auto lane = read_lane(find_param(params, "slb"));
  if (!read_branch(branch) || !lane) return std::nullopt;
  return Quote{.method = method_from(method), .branch = branch, .lane = *lane};
}

}  // namespace siplb::sip
