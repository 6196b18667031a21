#include "sip/param.h"

#include "sip/text.h"

namespace siplb::sip {

namespace {
constexpr size_t kNone = std::string_view::npos;
}  // namespace

bool ParamReader::take_any(Param& out) {
  size_t end = 0;
  while (true) {
    end += span_of(kParamChar, rest_.substr(end));
    if (end == rest_.size() || rest_[end] == ';') break;
    const size_t quoted = rest_[end] == '"' ? quoted_length(rest_.substr(end)) : kNone;
    if (quoted == kNone) {
      ended_ = true;
      well_formed_ = false;
      return false;
    }
    end += quoted;
  }

  take(end, out);
  const size_t equals = out.text.find('=');
  out.name = trim(out.text.substr(0, equals));
  out.value = {};
  if (equals != kNone) out.value = trim(out.text.substr(equals + 1));
  return true;
}

std::string_view find_param(std::string_view params, std::string_view name) {
  ParamReader reader(params);
  Param param;
  while (reader.next(param)) {
    if (!equal_caseless(param.name, name)) continue;
    // No value is not the same as absent: the view is empty, but it is not null.
    return param.value.data() != nullptr ? param.value : param.name.substr(param.name.size());
  }
  return {};
}

}  // namespace siplb::sip
