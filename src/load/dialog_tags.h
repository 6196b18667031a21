// Which dialog each recent call took, so that a 2xx from another one is known for what it is.
//
// A proxy that tries several servers may bring several 2xx to one INVITE: each makes a dialog of
// its own, and all but the first have to be ended again (RFC 3261, 13.2.2.4). They may come when
// the call is over and its slot taken by another, so they are remembered here by the call's number:
// calls are numbered in a row, so a ring holds the latest ones.
// Thread: one. Bounds: calls_max calls; the oldest is forgotten; no heap after construction.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace siplb::load {

// What is known of the dialog that a 2xx belongs to.
enum class DialogStanding : uint8_t {
  Known,      // the call took it, or it has been released
  Duplicate,  // the call took another one
  Late,       // the call took none
  Forgotten,  // too many calls ago
};

class DialogTags {
 public:
  // Requires: calls_max > 0.
  explicit DialogTags(uint32_t calls_max) : entries_(calls_max) {}

  // A new call, without a dialog.
  void start(uint32_t number);
  // The call's dialog is the one with this To tag.
  void take(uint32_t number, std::string_view to_tag);
  // The dialog with this To tag is being ended. Only the last one of a call is remembered.
  void release(uint32_t number, std::string_view to_tag);
  [[nodiscard]] DialogStanding standing(uint32_t number, std::string_view to_tag) const;

  // Never 0. Dialogs of a call that share it are taken for one.
  [[nodiscard]] static uint32_t hash(std::string_view to_tag);

 private:
  struct Entry {
    uint32_t number = UINT32_MAX;
    uint32_t taken = 0;  // a hash; 0 = none
    uint32_t released = 0;
  };
  // Null where the call is forgotten.
  [[nodiscard]] Entry* find(uint32_t number);

  std::vector<Entry> entries_;
};

}  // namespace siplb::load
