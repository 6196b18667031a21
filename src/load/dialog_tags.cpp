#include "load/dialog_tags.h"

#include "base/hash.h"

namespace siplb::load {

uint32_t DialogTags::hash(std::string_view to_tag) {
  return static_cast<uint32_t>(hash_octets(to_tag)) | 1;
}

DialogTags::Entry* DialogTags::find(uint32_t number) {
  Entry& entry = entries_[number % entries_.size()];
  return entry.number == number ? &entry : nullptr;
}

void DialogTags::start(uint32_t number) {
  entries_[number % entries_.size()] = {.number = number};
}

void DialogTags::take(uint32_t number, std::string_view to_tag) {
  if (Entry* entry = find(number)) entry->taken = hash(to_tag);
}

void DialogTags::release(uint32_t number, std::string_view to_tag) {
  if (Entry* entry = find(number)) entry->released = hash(to_tag);
}

DialogStanding DialogTags::standing(uint32_t number, std::string_view to_tag) const {
  const Entry& entry = entries_[number % entries_.size()];
  if (entry.number != number) return DialogStanding::Forgotten;
  const uint32_t tag = hash(to_tag);
  if (tag == entry.taken || tag == entry.released) return DialogStanding::Known;
  return entry.taken != 0 ? DialogStanding::Duplicate : DialogStanding::Late;
}

}  // namespace siplb::load
