#include <array>

#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

// What the sections of two brokers have in common; `key` is the rest of the path.
struct TlsRow {
  std::array<std::string_view, 2> path;  // of Redis, of NATS
  std::array<std::string_view, 2> aliases;
  std::array<std::string_view, 2> env;
  std::string_view text;
};

constexpr TlsRow kEnabled = {
    {"database.redis.tls.enabled", "adapter.nats.tls.enabled"},
    {"redis.tls.enabled database.redis.master_tls.enabled database.redis.cluster.use_tls "
     "adapter.cluster.tls.enabled",
     "nats.tls.enabled"},
    {"DATABASE_REDIS_TLS_ENABLED", "NATS_TLS_ENABLED"},
    "Speaks TLS to the broker; without, everything but `cluster.secret` goes in the clear."};
constexpr TlsRow kAuthorities = {
    {"database.redis.tls.ca_file", "adapter.nats.tls.ca_file"},
    {"redis.tls.ca_file", "nats.tls.ca_file"},
    {"DATABASE_REDIS_TLS_CA_FILE", "NATS_TLS_CA_FILE"},
    "PEM file of the authorities that the broker's certificates are trusted by; empty: those of "
    "the system."};
constexpr TlsRow kCertificate = {
    {"database.redis.tls.cert_file", "adapter.nats.tls.cert_file"},
    {"redis.tls.cert_file", "nats.tls.cert_file"},
    {"DATABASE_REDIS_TLS_CERT_FILE", "NATS_TLS_CERT_FILE"},
    "PEM file of the certificate that this node shows to the broker, with its chain; empty: none."};
constexpr TlsRow kKey = {{"database.redis.tls.key_file", "adapter.nats.tls.key_file"},
                         {"redis.tls.key_file", "nats.tls.key_file"},
                         {"DATABASE_REDIS_TLS_KEY_FILE", "NATS_TLS_KEY_FILE"},
                         "PEM file of the key of that certificate, without a passphrase."};
constexpr TlsRow kServerName = {
    {"database.redis.tls.server_name", "adapter.nats.tls.server_name"},
    {"redis.tls.server_name", "nats.tls.server_name"},
    {"DATABASE_REDIS_TLS_SERVER_NAME", "NATS_TLS_SERVER_NAME"},
    "Name or address that the certificates of all servers must be for; empty: the host that is "
    "connected to."};
constexpr TlsRow kVerify = {
    {"database.redis.tls.verify", "adapter.nats.tls.verify"},
    {"redis.tls.verify", "nats.tls.verify"},
    {"DATABASE_REDIS_TLS_VERIFY", "NATS_TLS_VERIFY"},
    "Checks the broker's certificates and their names; without, anybody between can read and "
    "change everything."};

Row row_of(const TlsRow& row, std::size_t broker) {
  return {.path = row.path[broker],
          .text = row.text,
          .aliases = row.aliases[broker],
          .env = row.env[broker]};
}

// `Of` gives the options of one broker.
template <std::size_t kBroker, class Of>
std::vector<Key> rows(Of) {
  return {
      setting(row_of(kEnabled, kBroker), [](S& s) -> auto& { return Of{}(s).is_on; }),
      setting(row_of(kAuthorities, kBroker), [](S& s) -> auto& { return Of{}(s).ca_file; }),
      setting(row_of(kCertificate, kBroker), [](S& s) -> auto& { return Of{}(s).cert_file; }),
      setting(row_of(kKey, kBroker), [](S& s) -> auto& { return Of{}(s).key_file; }),
      setting(row_of(kServerName, kBroker), [](S& s) -> auto& { return Of{}(s).server_name; }),
      setting(row_of(kVerify, kBroker), [](S& s) -> auto& { return Of{}(s).verifies; }),
  };
}

}  // namespace

std::vector<Key> redis_tls_keys() {
  return rows<0>([](S& s) -> auto& { return s.broker.redis.tls; });
}

std::vector<Key> nats_tls_keys() {
  return rows<1>([](S& s) -> auto& { return s.broker.nats.tls; });
}

}  // namespace mr::config
