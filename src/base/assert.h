// Three levels of assertion.
//
// SIPLB_ASSERT   always on, cheap: an invariant whose breach would corrupt state. Aborts.
// SIPLB_DASSERT  debug, sanitizer and fuzz builds only: costly or dense checks.
// What came from the wire, the kernel or the configuration is never asserted: it is handled.
#pragma once

namespace siplb {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace siplb

#define SIPLB_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::siplb::assertion_failed(#condition, __FILE__, __LINE__))

#if defined(SIPLB_DEBUG)
#define SIPLB_DASSERT(condition) SIPLB_ASSERT(condition)
#else
#define SIPLB_DASSERT(condition) static_cast<void>(0)
#endif
