// What start-up stumbled over, and which thing it was.
//
// Thread: any, plain values.
#pragma once

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

// The key file and its folder are the operator's to mend: until then no restart helps.
[[nodiscard]] inline bool is_configuration_fault(const StartFault& fault) {
  return fault.error.code == ErrorCode::KeyFileOpen ||
         fault.error.code == ErrorCode::KeyFileMalformed;
}

}  // namespace siplb::app
