// Takes secrets out of a configuration before others see it.
//
// siplb's own keys stand in files of their own, and no setting holds a password; but people write
// URIs with passwords, and comments.
// Thread: any. Pure.
#pragma once

#include <string>

namespace siplb::ctl {

// The text, with "(removed)" for passwords in URIs and for what stands behind words such as
// "password:" and "secret=".
[[nodiscard]] std::string without_secrets(const std::string& text);

}  // namespace siplb::ctl
