// Runs a parser over every truncation of a text, each in a heap block of exactly its size, so that
// AddressSanitizer sees an overread of a single octet.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace siplb::test {

template <typename Use>
void for_each_prefix(std::string_view text, Use&& use) {
  for (size_t length = 0; length <= text.size(); ++length) {
    const auto block = std::make_unique<char[]>(length);
    std::memcpy(block.get(), text.data(), length);
    use(std::string_view(block.get(), length));
  }
}

}  // namespace siplb::test
