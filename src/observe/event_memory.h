// The last lines of the event log, for whoever asks later what has happened.
//
// Thread: any, synchronised inside. Bounds: kLinesMax lines and kOctetsMax octets of them: the
// oldest give way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace siplb::observe {

class EventMemory {
 public:
  static constexpr size_t kLinesMax = 1000;
  static constexpr size_t kOctetsMax = size_t{512} * 1024;

  void add(std::string line);

  // Lines are numbered from 0 on, in the order in which they came.
  struct Part {
    uint64_t first = 0;  // the number of lines[0]
    std::vector<std::string> lines;

    [[nodiscard]] uint64_t next() const { return first + lines.size(); }
  };
  // The line with this number and those after it, as far as they are remembered.
  [[nodiscard]] Part since(uint64_t number) const;
  // The newest ones, `count` at most.
  [[nodiscard]] Part last(size_t count) const;

 private:
  [[nodiscard]] Part from(size_t position) const;

  mutable std::mutex mutex_;
  std::deque<std::string> lines_;  // under mutex_, as are these two
  uint64_t forgotten_ = 0;         // lines
  size_t octets_ = 0;
};

}  // namespace siplb::observe
