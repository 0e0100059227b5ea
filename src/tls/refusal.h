#pragma once

#include <string>
#include <string_view>

#include "tls/options.h"

struct x509_st;

namespace mr::tls {

// What was wrong with a server's certificate, or with one that stands for it.
struct CertificateFault {
  int code = 0;          // of OpenSSL's verification; 0: nothing was wrong
  std::string issuer{};  // who signed it
  std::string names{};   // "a.example, 10.0.0.1"
  std::string from{};    // when it is valid
  std::string until{};
};
CertificateFault fault_of(int code, const x509_st* certificate);

// Which configuration and which name they are judged by.
struct Wanted {
  const ClientOptions& options;
  std::string_view keys;  // "database.redis.tls"
  std::string_view name;  // what the certificate must be for
};

// Why no connection came up, and the remedy, as the rest of a sentence about the server: from the
// fault, else from the code that OpenSSL's error queue gives. Texts of the other side are bounded
// and printable. Any thread.
std::string explain_refusal(const Wanted& wanted, const CertificateFault& fault,
                            unsigned long error);

}  // namespace mr::tls
