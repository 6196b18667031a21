// Small files that appear whole or not at all, also after a crash: the key, the operators'
// settings.
//
// Written under another name, flushed to the disk, given its name, and the folder flushed as well:
// without that last step the name could be gone after a crash.
// Thread: any; of several writers at once each leaves a whole file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace siplb::app {

enum class IfThere : uint8_t { Keep, Replace };

// Writes `text` into a file of that name, with mode 0600. With Keep a file that is there stays as
// it is, which is success. False leaves what was there, and errno says why; but for the very last
// step, the flush of the folder, after which the file is there and may be lost in a crash.
[[nodiscard]] bool write_whole_file(const std::string& path, std::string_view text,
                                    IfThere if_there);

}  // namespace siplb::app
