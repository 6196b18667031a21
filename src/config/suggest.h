// "Did you mean ...?": the word that was probably meant.
//
// Thread: any. Pure. Bounds: words of up to 64 octets; longer ones get no suggestion.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace siplb::config {

// " (did you mean 'address'?)", or nothing where no candidate is near enough to `word`: one edit
// for every three octets, two neighbours that changed places being one.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

}  // namespace siplb::config
