#include "tls/refusal.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace mr::tls {
namespace {

constexpr std::size_t kTextBytesMax = 200;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string shown(std::string_view bytes) {
  std::string text(bytes.substr(0, kTextBytesMax));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

// What `print` writes.
template <class Print>
std::string printed(Print print) {
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  if (!bio || !print(bio.get())) return {};
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return length > 0 ? shown({text, static_cast<std::size_t>(length)}) : std::string();
}

std::string text_of(const X509_NAME* name) {
  return printed([name](BIO* to) { return X509_NAME_print_ex(to, name, 0, XN_FLAG_ONELINE) >= 0; });
}

std::string text_of(const ASN1_TIME* time) {
  return printed([time](BIO* to) { return ASN1_TIME_print(to, time) == 1; });
}

std::string text_of(const GENERAL_NAME& name) {
  const ASN1_STRING* const value = name.type == GEN_IPADD ? name.d.iPAddress : name.d.dNSName;
  const std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                               static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (name.type == GEN_DNS) return shown(bytes);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  return inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr ? text.data() : "";
}

std::string names_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string all;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
    if (name.type != GEN_DNS && name.type != GEN_IPADD) continue;
    all.append(all.empty() ? "" : ", ").append(text_of(name));
  }
  return shown(all.empty() ? text_of(X509_get_subject_name(certificate)) : all);
}

std::string explain_certificate(const Wanted& wanted, const CertificateFault& fault) {
  const std::string keys(wanted.keys);
  switch (fault.code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for \"" + fault.names + "\" and not for \"" +
             std::string(wanted.name) + "\": connect by a name that the certificate has, or set " +
             keys + ".server_name to one";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate for \"" + fault.names + "\" expired" +
             (fault.until.empty() ? "" : " on " + fault.until) +
             ": renew it there, or set the clock of this machine";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate for \"" + fault.names + "\" is not valid " +
             (fault.from.empty() ? "yet" : "before " + fault.from) +
             ": set the clock of this machine, or replace it there";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is signed by \"" + fault.issuer + "\", whom " +
             (wanted.options.ca_file.empty() ? "this system" : keys + ".ca_file") +
             " does not name as an authority: name its certificate in " + keys + ".ca_file";
    default:
      return "its certificate for \"" + fault.names + "\" is refused (" +
             X509_verify_cert_error_string(fault.code) + "): replace it there";
  }
}

// What the server says about a certificate of ours, or that it has none.
std::string explain_ours(const Wanted& wanted, const std::string& reason) {
  const std::string keys(wanted.keys);
  if (wanted.options.cert_file.empty()) {
    return "it refuses us without a certificate (" + reason + "): set " + keys + ".cert_file and " +
           keys + ".key_file";
  }
  return "it refuses the certificate of " + keys + ".cert_file (" + reason +
         "): take one that its authority has signed";
}

}  // namespace

CertificateFault fault_of(int code, const X509* certificate) {
  CertificateFault fault{code};
  if (certificate == nullptr) return fault;
  fault.issuer = text_of(X509_get_issuer_name(certificate));
  fault.names = names_of(certificate);
  fault.from = text_of(X509_get0_notBefore(certificate));
  fault.until = text_of(X509_get0_notAfter(certificate));
  return fault;
}

std::string explain_refusal(const Wanted& wanted, const CertificateFault& fault,
                            unsigned long error) {
  if (fault.code != X509_V_OK) return explain_certificate(wanted, fault);
  const char* const text = ERR_reason_error_string(error);
  const std::string reason = text != nullptr ? text : "an error of TLS";
  switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_HTTP_REQUEST:
      return "what answers there speaks no TLS (" + reason + "): name its port for TLS, or turn " +
             std::string(wanted.keys) + ".enabled off";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return explain_ours(wanted, reason);
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return "it speaks no TLS 1.2 or newer (" + reason + "): allow that there";
    default:
      return "the TLS handshake failed (" + reason + "): its log may say more";
  }
}

}  // namespace mr::tls
