#include "app/whole_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "net/file_descriptor.h"

namespace siplb::app {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool give_name(const std::string& temporary, const std::string& path, IfThere if_there) {
  if (if_there == IfThere::Replace) return rename(temporary.c_str(), path.c_str()) == 0;
  return link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST;
}

net::FileDescriptor open_folder_of(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  return net::FileDescriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

bool write_whole_file(const std::string& path, std::string_view text, IfThere if_there) {
  // First, so that a folder that can't be flushed changes nothing.
  const net::FileDescriptor folder = open_folder_of(path);
  if (!folder.is_open()) return false;
  std::string temporary = path + ".XXXXXX";
  const net::FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));  // with mode 0600
  if (!file.is_open()) return false;

  const bool is_there =
      write_all(file.get(), text) && fsync(file.get()) == 0 && give_name(temporary, path, if_there);
  const int reason = errno;
  const bool is_renamed = is_there && if_there == IfThere::Replace;
  if (!is_renamed) unlink(temporary.c_str());
  errno = reason;
  return is_there && fsync(folder.get()) == 0;
}

}  // namespace siplb::app
