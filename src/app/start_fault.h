// What start-up stumbled over, and which thing it was.
//
// Thread: any, plain values.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/result.h"

namespace siplb::app {

struct StartFault {
  Error error;
  std::string subject;  // "listener public (127.0.0.1:5060)"
};

template <class T>
using StartResult = tl::expected<T, StartFault>;

[[nodiscard]] inline tl::unexpected<StartFault> start_fault(const Error& error,
                                                            std::string subject) {
  return tl::unexpected<StartFault>(StartFault{error, std::move(subject)});
}

// The key file and its folder are the operator's to mend: until then no restart helps. What the
// host lacks at this moment passes.
[[nodiscard]] inline bool is_configuration_fault(const StartFault& fault) {
  constexpr std::array kPassing = {EMFILE, ENFILE, ENOMEM, EIO, EINTR};
  const bool passes =
      std::find(kPassing.begin(), kPassing.end(), fault.error.sys_errno) != kPassing.end();
  return fault.error.code == ErrorCode::KeyFileMalformed ||
         (fault.error.code == ErrorCode::KeyFileOpen && !passes);
}

}  // namespace siplb::app
