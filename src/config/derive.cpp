#include "config/derive.h"

namespace siplb::config {
namespace {

// Of those that systemd lists.
std::string_view first_folder(std::string_view folders) {
  return folders.substr(0, folders.find(':'));
}

}  // namespace

std::string key_file(const GlobalOptions& global, std::string_view state_directory) {
  if (!global.key_file.empty()) return global.key_file;
  const std::string_view folder = first_folder(state_directory);
  return std::string(folder.empty() ? "/var/lib/siplb" : folder) + "/key";
}

AdminOptions admin_sockets(const AdminOptions& admin, std::string_view runtime_directory) {
  AdminOptions sockets = admin;
  const std::string folder(first_folder(runtime_directory));
  if (folder.empty()) return sockets;
  if (!sockets.socket) sockets.socket = folder + "/admin.sock";
  if (!sockets.read_socket) sockets.read_socket = folder + "/read.sock";
  return sockets;
}

}  // namespace siplb::config
