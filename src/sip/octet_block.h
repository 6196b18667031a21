// Looks at text sixteen octets at a time for the first one that ends what is being read.
//
// For what tends to be long: branches, tags, URIs, Call-IDs. With SSE2, which every x86-64 has;
// elsewhere octet by octet, with the same results. Never reads beyond the text.
// Thread: any. Bounds: constant, no heap.
#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "sip/char_class.h"

namespace siplb::sip {

#if defined(__SSE2__)

inline constexpr size_t kBlockOctets = 16;

// One bit for each octet at `at` that is not of this class. Requires: kBlockOctets to read.
template <CharClass kWanted>
[[nodiscard]] inline unsigned others_in_block(const char* at) {
  static_assert(kWanted == kWordChar || kWanted == kUriChar || kWanted == kOpaqueChar);
  const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const auto equal = [&](char c) { return _mm_cmpeq_epi8(octets, _mm_set1_epi8(c)); };
  const __m128i at_most_space = _mm_cmpeq_epi8(_mm_min_epu8(octets, _mm_set1_epi8(' ')), octets);
  __m128i others = at_most_space | equal(0x7f);
  if constexpr (kWanted != kWordChar) others |= equal('"') | equal('<') | equal('>');
  if constexpr (kWanted == kOpaqueChar) others |= equal(',') | equal(';');
  return static_cast<unsigned>(_mm_movemask_epi8(others));
}

// As span_of().
template <CharClass kWanted>
[[nodiscard]] inline size_t long_span_of(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < kBlockOctets) return span_of(kWanted, text);
  for (;;) {
    if (const unsigned others = others_in_block<kWanted>(at); others != 0) {
      return static_cast<size_t>(at - text.data()) + static_cast<size_t>(std::countr_zero(others));
    }
    at += kBlockOctets;
    if (at == end) return text.size();
    // The last block overlaps the one before, of which nothing is left to find.
    if (static_cast<size_t>(end - at) < kBlockOctets) at = end - kBlockOctets;
  }
}

#else

template <CharClass kWanted>
[[nodiscard]] constexpr size_t long_span_of(std::string_view text) {
  return span_of(kWanted, text);
}

#endif

// True where `text` is not empty and all of this class.
template <CharClass kWanted>
[[nodiscard]] inline bool long_all_of(std::string_view text) {
  return !text.empty() && long_span_of<kWanted>(text) == text.size();
}

}  // namespace siplb::sip
