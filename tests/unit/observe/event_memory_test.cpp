#include "observe/event_memory.h"

#include <gtest/gtest.h>

namespace siplb::observe {
namespace {

using Lines = std::vector<std::string>;

TEST(EventMemoryTest, BeginsEmpty) {
  const EventMemory memory;
  EXPECT_EQ(memory.last(10).lines, Lines());
  EXPECT_EQ(memory.since(0).next(), 0u);
}

TEST(EventMemoryTest, GivesTheNewestInTheirOrder) {
  EventMemory memory;
  for (const char* line : {"a", "b", "c"}) memory.add(line);
  EXPECT_EQ(memory.last(2).lines, (Lines{"b", "c"}));
  EXPECT_EQ(memory.last(2).first, 1u);
  EXPECT_EQ(memory.last(9).lines, (Lines{"a", "b", "c"}));
  EXPECT_EQ(memory.last(0).lines, Lines());
}

TEST(EventMemoryTest, GoesOnWhereItsReaderWas) {
  EventMemory memory;
  memory.add("a");
  const uint64_t next = memory.last(1).next();
  EXPECT_EQ(memory.since(next).lines, Lines());
  memory.add("b");
  EXPECT_EQ(memory.since(next).lines, Lines{"b"});
  EXPECT_EQ(memory.since(99).next(), 2u);  // of another process: nothing, and from here on
}

TEST(EventMemoryTest, ForgetsTheOldestBeyondItsLines) {
  EventMemory memory;
  for (size_t i = 0; i < EventMemory::kLinesMax + 2; ++i) memory.add(std::to_string(i));
  const EventMemory::Part all = memory.since(0);
  EXPECT_EQ(all.first, 2u);
  EXPECT_EQ(all.lines.front(), "2");
  EXPECT_EQ(all.lines.size(), EventMemory::kLinesMax);
}

TEST(EventMemoryTest, ForgetsTheOldestBeyondItsOctets) {
  EventMemory memory;
  const std::string half(EventMemory::kOctetsMax / 2, 'x');
  memory.add("a");
  memory.add(half);
  EXPECT_EQ(memory.since(0).first, 0u);
  memory.add(half);
  EXPECT_EQ(memory.since(0).first, 1u);
  memory.add(std::string(EventMemory::kOctetsMax + 1, 'y'));
  EXPECT_EQ(memory.last(9).lines, Lines());
  memory.add("b");
  EXPECT_EQ(memory.last(9).lines, Lines{"b"});
}

}  // namespace
}  // namespace siplb::observe
