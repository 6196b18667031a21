// The file with the node's key: made at the first start, read at every other.
//
// It holds 32 hexadecimal digits and a newline, with mode 0600. Nodes that share an address must be
// given the same file. Thread: any; several processes may start at once and all get the same key.
#pragma once

#include <string>

#include "base/hash.h"
#include "base/result.h"

namespace siplb::app {

// Reads the key, or makes the file with a random one where there is none. A file that is there is
// never written to: one that holds something else is an error.
[[nodiscard]] Result<HashKey> load_or_create_key(const std::string& path);

// True where others than the owner may read or write the file: worth a warning.
[[nodiscard]] bool key_file_is_exposed(const std::string& path);

}  // namespace siplb::app
