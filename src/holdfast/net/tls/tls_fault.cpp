#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "holdfast/net/tls/tls_internal.hpp"

namespace holdfast::net {
namespace {

/// Numbers of OpenSSL's own errors have a library above bit 23; those of the verification of certificates are small.
constexpr int verification_max = 1'000;

std::string verification_text(int value) {
  switch (value) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate, or one of its issuers', has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate, or one of its issuers', is not valid yet: does the clock tell the right time?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is for another host";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the certificate's issuer is not trusted: it is signed by itself";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the certificate's issuer is not trusted, or the server left out a part of its chain";
    default:
      return std::string("the certificate is not good: ") + X509_verify_cert_error_string(value);
  }
}

std::string openssl_text(int value) {
  const auto code = static_cast<unsigned long>(value);
  const int reason = ERR_GET_REASON(code);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    // Alerts of the other end. OpenSSL's names of them speak of SSL 3.
    if (reason > SSL_AD_REASON_OFFSET) {
      return std::string("the other end broke TLS off: ") + SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
    }
    if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST)
      return "the client speaks HTTP without TLS";
    if (reason == SSL_R_WRONG_VERSION_NUMBER) return "the other end does not speak TLS";
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL) return "the other end speaks no version of TLS from 1.2 on";
    if (reason == SSL_R_NO_APPLICATION_PROTOCOL) return "the client does not speak HTTP/1.1 over TLS";
  }
  const char* const text = ERR_reason_error_string(code);
  return text ? std::string("TLS: ") + text : "TLS failed, error " + std::to_string(value);
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "holdfast.tls"; }
  std::string message(int value) const override {
    return value < verification_max ? verification_text(value) : openssl_text(value);
  }
};

}  // namespace

const boost::system::error_category& tls_category() noexcept {
  static const Category category;
  return category;
}

error_code tls_error(long verification) {
  if (verification != X509_V_OK) return {static_cast<int>(verification), tls_category()};
  const unsigned long first = ERR_peek_error();
  ERR_clear_error();
  if (first == 0 || ERR_SYSTEM_ERROR(first)) return Fault::malformed;
  return {static_cast<int>(first), tls_category()};
}

}  // namespace holdfast::net
