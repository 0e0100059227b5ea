#include "config/tls_rules.h"

#include <utility>

#include "config/broker_rules.h"

namespace mr::config {
namespace {

std::string key_of(std::string_view section, const char* name) {
  return std::string(section) + "." + name;
}

}  // namespace

bool settle_scheme(Layers& layers, const char* path, bool asks, const std::string& key,
                   bool is_on) {
  if (!layers.is_set(key)) return asks;
  if (asks != is_on) {
    refuse_both(layers, path, asks ? "asks for TLS, against" : "asks for no TLS, against", key);
  }
  return is_on;
}

void check_tls(Layers& layers, std::string_view section, const tls::ClientOptions& options,
               bool is_used) {
  const std::string enabled = key_of(section, "enabled");
  if (!is_used) {
    const std::pair<const char*, bool> set[] = {{"ca_file", !options.ca_file.empty()},
                                                {"cert_file", !options.cert_file.empty()},
                                                {"key_file", !options.key_file.empty()},
                                                {"server_name", !options.server_name.empty()},
                                                {"verify", !options.verifies}};
    for (const auto& [name, is_set] : set) {
      if (!is_set) continue;
      const std::string key = key_of(section, name);
      layers.add_error(layers.place(key) + ": " + quote(key) + " is set while " + quote(enabled) +
                       " is off (" + layers.place(enabled) +
                       "), so nothing would be encrypted; turn that on, or remove this key");
    }
    return;
  }
  const std::string cert = key_of(section, "cert_file");
  const std::string key = key_of(section, "key_file");
  if (options.cert_file.empty() != options.key_file.empty()) {
    const bool has_cert = !options.cert_file.empty();
    layers.add_error(layers.place(has_cert ? cert : key) + ": " + quote(has_cert ? cert : key) +
                     " is set and " + quote(has_cert ? key : cert) +
                     " is not; a certificate needs its key: set both or none");
  }
  if (options.verifies) return;
  const std::string verify = key_of(section, "verify");
  layers.warnings.push_back(
      layers.place(verify) + ": " + quote(verify) +
      " is off: anybody between this node and its broker can pretend to be "
      "the broker, read and change all messages and learn its password; set " +
      quote(key_of(section, "ca_file")) + " and turn it on");
}

void check_tls_files(Layers& layers, std::string_view section, const tls::ClientOptions& options,
                     ReadFile& read_file) {
  const std::pair<const char*, const std::string&> files[] = {{"ca_file", options.ca_file},
                                                              {"cert_file", options.cert_file},
                                                              {"key_file", options.key_file}};
  for (const auto& [name, file] : files) {
    if (file.empty()) continue;
    const std::string key = key_of(section, name);
    const auto read = read_file(file);
    if (read.ok()) continue;
    layers.add_error(layers.place(key) + ": " + quote(key) + ": cannot read " + quote(file) + ": " +
                     read.error().detail + "; name a PEM file that this node may read");
  }
}

}  // namespace mr::config
