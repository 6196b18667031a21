// The systemd journal, asked for by its own protocol: so that each field of an event can be asked
// for by itself (journalctl SIPLB_EVENT='server down' SIPLB_GROUP=pbx).
//
// Thread: any, synchronised inside (the kernel's).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace siplb::observe {

// True where `variable`, the environment's JOURNAL_STREAM, names the file with this device and
// inode: whoever writes there writes to the journal (systemd.exec(5)).
[[nodiscard]] bool is_journal_stream(std::string_view variable, dev_t device, ino_t inode);
// True where standard error leads to the journal.
[[nodiscard]] bool has_journal();

// False where the journal does not take it.
[[nodiscard]] bool write_to_journal(const std::vector<std::string>& fields);

}  // namespace siplb::observe
