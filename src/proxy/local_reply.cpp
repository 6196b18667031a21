#include "proxy/local_reply.h"

#include <algorithm>
#include <span>

#include "proxy/client_return.h"
#include "sip/reply.h"

namespace siplb::proxy {

bool LocalReply::send(const sip::Message& request, const transport::Flow& source,
                      const Verdict& verdict, size_t octets_max) {
  const sip::LocalTag tag = outlook_.snapshot->seal.local_tag(request);
  // A 100 opens no dialog and needs no tag (8.2.6.2).
  length_ = sip::build_reply(request,
                             {.code = verdict.code,
                              .reason = verdict.reason,
                              .to_tag = verdict.code == 100 ? std::string_view() : tag.view(),
                              .headers = verdict.headers,
                              .source = source.remote},
                             std::span(buffer_).first(std::min(octets_max, buffer_.size())));
  if (length_ == 0) return false;
  const std::string_view piece = text();
  const auto to = answer_flow(wire_, source, answer_port(request.via, source));
  // The wire counts a failure. Over UDP the request will be repeated and answered again.
  static_cast<void>(wire_.send(to.value_or(source), {&piece, 1}));
  return true;
}

}  // namespace siplb::proxy
