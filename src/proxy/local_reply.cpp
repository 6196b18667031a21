#include "proxy/local_reply.h"

#include "sip/reply.h"

namespace siplb::proxy {
namespace {

// Always to the address that the request came from, whatever its Via says: a third party never
// hears from us. The port is the source's where rport asks for it, else the Via's (18.2.2).
transport::Flow flow_to(const sip::Message& request, const transport::Flow& source) {
  transport::Flow to = source;
  if (!request.via.has_rport) to.remote = source.remote.with_port(request.via.effective_port());
  return to;
}

}  // namespace

bool LocalReply::send(const sip::Message& request, const transport::Flow& source,
                      const Verdict& verdict) {
  const sip::LocalTag tag = snapshot_.seal.local_tag(request);
  const size_t length = sip::build_reply(request,
                                         {.code = verdict.code,
                                          .reason = verdict.reason,
                                          .to_tag = tag,
                                          .headers = verdict.headers,
                                          .source = source.remote},
                                         buffer_);
  if (length == 0) return false;
  const std::string_view piece(buffer_.data(), length);
  // The wire has counted a failure; the request will be repeated and answered again.
  static_cast<void>(wire_.send(flow_to(request, source), {&piece, 1}));
  return true;
}

}  // namespace siplb::proxy
