#include "load/held_answers.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace siplb::load {

Result<HeldAnswers> HeldAnswers::reserve(uint32_t entries_max) {
  auto texts = MemoryRegion::reserve(size_t{entries_max} * AnswerText::kOctetsMax);
  if (!texts) return tl::unexpected<Error>(texts.error());
  return HeldAnswers(entries_max, std::move(*texts));
}

HeldAnswers::HeldAnswers(uint32_t entries_max, MemoryRegion texts)
    : entries_(std::make_unique<HeldAnswer[]>(entries_max)),
      chains_(std::bit_ceil(entries_max), kNone),
      texts_(std::move(texts)) {
  SIPLB_ASSERT(entries_max > 0);
  for (uint32_t index = entries_max; index > 0; --index) {
    entries_[index - 1].next = free_;
    free_ = index - 1;
  }
}

uint32_t HeldAnswers::chain_of(uint64_t key) const {
  return static_cast<uint32_t>(key & (chains_.size() - 1));
}

HeldAnswer* HeldAnswers::find(uint64_t key) const {
  for (uint32_t at = chains_[chain_of(key)]; at != kNone; at = entries_[at].next) {
    if (entries_[at].key == key) return &entries_[at];
  }
  return nullptr;
}

HeldAnswer* HeldAnswers::add(uint64_t key, const AnswerText& text) {
  SIPLB_DASSERT(find(key) == nullptr);
  if (free_ == kNone) return nullptr;
  const uint32_t index = free_;
  HeldAnswer& answer = entries_[index];
  free_ = answer.next;
  ++size_;
  uint32_t& head = chains_[chain_of(key)];
  answer.next = head;
  head = index;
  answer.key = key;
  answer.state = HeldState::Delayed;
  answer.basic_length = static_cast<uint16_t>(text.basic().size());
  answer.full_length = static_cast<uint16_t>(text.full().size());
  std::memcpy(text_of(answer), text.full().data(), text.full().size());
  return &answer;
}

void HeldAnswers::remove(HeldAnswer& answer) {
  SIPLB_ASSERT(!answer.scheduled());
  const auto index = static_cast<uint32_t>(&answer - entries_.get());
  uint32_t* link = &chains_[chain_of(answer.key)];
  while (*link != index) link = &entries_[*link].next;
  *link = answer.next;
  answer.next = free_;
  free_ = index;
  --size_;
}

char* HeldAnswers::text_of(const HeldAnswer& answer) const {
  const auto index = static_cast<size_t>(&answer - entries_.get());
  return texts_.octets().data() + index * AnswerText::kOctetsMax;
}

std::string_view HeldAnswers::basic(const HeldAnswer& answer) const {
  return {text_of(answer), answer.basic_length};
}

std::string_view HeldAnswers::full(const HeldAnswer& answer) const {
  return {text_of(answer), answer.full_length};
}

}  // namespace siplb::load
