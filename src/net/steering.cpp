#include "net/steering.h"

#include <cstdint>
#include <string>
#include <utility>

#include "base/assert.h"

namespace siplb::net {
namespace {

constexpr size_t kWord = 4;
// A load past the end ends the program with 0, which is a lane. So each block is entered only where
// all that it may read is there.
constexpr size_t kBlockOctets = 32;
constexpr size_t kDigits = 2;
constexpr uint32_t kByFlowHash = 0xFFFFFFFF;  // no place in the group

uint32_t word_of(std::string_view octets) {
  uint32_t word = 0;
  for (const char octet : octets) word = word << 8 | static_cast<uint8_t>(octet);
  return word;
}

class ProgramWriter {
 public:
  explicit ProgramWriter(const SteeringOptions& options)
      : options_(options), mark_word_(word_of(std::string(kWord, options.mark))) {}

  std::vector<sock_filter> write() {
    for (size_t at = 0; at < kSteeringOctets; at += kWord) {
      if (at % kBlockOctets == 0) require_length(at + kBlockOctets + octets_after_word());
      if (at == 0) {
        require_prefix();
      } else {
        probe(at);
      }
    }
    add(BPF_STMT(BPF_RET | BPF_K, kByFlowHash));
    for (const size_t jump : jumps_to_read_) {
      program_[jump].k = static_cast<uint32_t>(program_.size() - jump - 1);
    }
    read_lane();
    return std::move(program_);
  }

 private:
  // Of the mark and its digits, behind the first whole word of the mark.
  [[nodiscard]] size_t octets_after_word() const { return options_.mark_length - kWord + kDigits; }

  void add(const sock_filter& instruction) { program_.push_back(instruction); }

  void require_length(size_t octets) {
    add(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0));
    add(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, static_cast<uint32_t>(octets), 1, 0));
    add(BPF_STMT(BPF_RET | BPF_K, kByFlowHash));
  }

  void require_prefix() {
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word_of(options_.prefix), 1, 0));
    add(BPF_STMT(BPF_RET | BPF_K, kByFlowHash));
  }

  // Where the mark is there, goes on to read the lane with X behind this word.
  void probe(size_t at) {
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(at)));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark_word_, 0, 2));
    add(BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, static_cast<uint32_t>(at + kWord)));
    jumps_to_read_.push_back(program_.size());
    add(BPF_STMT(BPF_JMP | BPF_JA, 0));
  }

  void read_lane() {
    for (size_t i = kWord; i < options_.mark_length; ++i) skip_mark();
    add(BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0));
    require_digit();
    add(BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 10));
    add(BPF_STMT(BPF_ST, 0));
    add(BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1));
    require_digit();
    add(BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0));
    add(BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0));
    add(BPF_STMT(BPF_RET | BPF_A, 0));
  }

  // Moves X behind one more octet of the mark, if there is one.
  void skip_mark() {
    add(BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint8_t>(options_.mark), 0, 3));
    add(BPF_STMT(BPF_MISC | BPF_TXA, 0));
    add(BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1));
    add(BPF_STMT(BPF_MISC | BPF_TAX, 0));
  }

  // Makes a number of the digit in A.
  void require_digit() {
    add(BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, '0'));
    add(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 9, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, kByFlowHash));
  }

  const SteeringOptions& options_;
  const uint32_t mark_word_;
  std::vector<sock_filter> program_;
  std::vector<size_t> jumps_to_read_;
};

}  // namespace

std::vector<sock_filter> steering_program(const SteeringOptions& options) {
  SIPLB_ASSERT(options.prefix.size() == kWord);
  SIPLB_ASSERT(options.mark_length >= 2 * kWord - 1);
  return ProgramWriter(options).write();
}

}  // namespace siplb::net
