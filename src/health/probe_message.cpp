#include "health/probe_message.h"

#include <algorithm>
#include <array>

#include "sip/octets.h"
#include "sip/text.h"
#include "sip/text_writer.h"

namespace siplb::health {
namespace {

constexpr size_t kCodeLength = sip::base32_length(kProbeBranchOctets);
constexpr uint16_t kFirstFinal = 200;
constexpr uint64_t kRetryAfterMax = 24 * 60 * 60;

std::chrono::seconds retry_after_of(const sip::Message& response) {
  const sip::Header* const header = response.find("Retry-After");
  if (header == nullptr) return {};
  // A comment or parameters may follow (20.33).
  const std::string_view digits =
      header->value.substr(0, sip::span_of(sip::kDigitChar, header->value));
  return std::chrono::seconds(sip::read_number(digits, kRetryAfterMax).value_or(0));
}

}  // namespace

ProbeBranch probe_branch(const HashKey& key, const ProbeId& id, std::string_view sent_by) {
  KeyedHash hash(key, HashPurpose::Probe);
  hash.add_number(id.server).add_number(id.sequence).add_number(id.run).add(sent_by);
  const KeyedHash::Digest digest = hash.digest();
  sip::OctetWriter<kProbeBranchOctets> octets;
  octets.put(id.server);
  octets.put_octets(sip::as_text(std::span(digest).first(kProbeBranchOctets - sizeof id.server)));
  std::array<char, kCodeLength> code;
  sip::encode_base32(octets.octets(), code);
  ProbeBranch branch;
  branch.append(balance::kProbeBranchPrefix);
  branch.append({code.data(), code.size()});
  return branch;
}

std::optional<balance::ServerIndex> server_of_branch(std::string_view branch) {
  const size_t prefix_length = balance::kProbeBranchPrefix.size();
  if (branch.size() != ProbeBranch::capacity() ||
      !sip::equal_caseless(branch.substr(0, prefix_length), balance::kProbeBranchPrefix)) {
    return std::nullopt;
  }
  std::array<uint8_t, kProbeBranchOctets> octets;
  if (!sip::decode_base32(branch.substr(prefix_length), octets)) return std::nullopt;
  return sip::OctetReader(octets).take<balance::ServerIndex>();
}

size_t write_probe(const ProbeRequest& request, std::span<char> out) {
  // Different for each probe, and as hard to guess as the branch.
  const std::string_view code = request.branch.substr(balance::kProbeBranchPrefix.size());
  const std::string_view method = sip::method_name(request.method);
  sip::TextWriter writer(out);
  const auto put_all = [&writer](std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) writer.put(text);
  };
  put_all({method, " ", request.request_uri, " SIP/2.0\r\n"});
  put_all({"Via: SIP/2.0/", sip::transport_name(request.transport), " ", request.sent_by,
           ";rport;branch=", request.branch, "\r\n"});
  put_all({"Max-Forwards: 70\r\n"});
  put_all({"From: <sip:siplb@", request.sent_by, ">;tag=", code, "\r\n"});
  put_all({"To: <", request.request_uri, ">\r\n"});
  put_all({"Call-ID: ", code, "@siplb\r\nCSeq: "});
  writer.put_number(request.sequence);
  put_all({" ", method, "\r\nUser-Agent: siplb\r\nContent-Length: 0\r\n\r\n"});
  return writer.length();
}

std::optional<ProbeAnswer> read_answer(const sip::Message& response, const ProbeRequest& request) {
  const bool is_its_own = !response.is_request && response.cseq == request.sequence &&
                          response.method == request.method &&
                          sip::equal_caseless(response.via.branch, request.branch);
  if (!is_its_own || response.status < kFirstFinal) return std::nullopt;
  return ProbeAnswer{.code = response.status, .retry_after = retry_after_of(response)};
}

}  // namespace siplb::health
