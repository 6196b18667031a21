// A host in a folder: /proc and /sys as a test writes them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace siplb::test {

class HostFiles {
 public:
  HostFiles() {
    std::string name = testing::TempDir() + "siplb-host-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~HostFiles() { std::filesystem::remove_all(root_); }
  HostFiles(const HostFiles&) = delete;
  HostFiles& operator=(const HostFiles&) = delete;

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  // A process of that name that has a socket open.
  void add_process(int number, const std::string& name, int inode) const {
    const std::string folder = "proc/" + std::to_string(number);
    write(folder + "/comm", name + '\n');
    std::filesystem::create_directories(root_ / folder / "fd");
    std::filesystem::create_symlink("socket:[" + std::to_string(inode) + ']',
                                    root_ / folder / "fd/5");
  }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace siplb::test
