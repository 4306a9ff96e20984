#pragma once

#include <memory>
#include <string>
#include <vector>

struct x509_st;
struct evp_pkey_st;

/// For tests: certificates, made when they are needed.
namespace holdfast::net {

struct CertificateOptions {
  /// As OpenSSL's configuration writes them: "DNS:localhost", "IP:127.0.0.1".
  std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1"};
  /// Seconds from now.
  long valid_from = -3600;
  long valid_until = 3600;
};

/// A certificate and its key.
class Issued {
 public:
  std::string certificate_pem() const;
  /// Behind the pass phrase, if there is one.
  std::string key_pem(const std::string& pass_phrase = {}) const;

 private:
  friend class Authority;

  std::shared_ptr<x509_st> certificate_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// Somebody who signs.
class Authority {
 public:
  explicit Authority(const std::string& name = "Test CA");

  std::string certificate_pem() const { return own_.certificate_pem(); }
  Issued issue(const CertificateOptions& options = {}) const;
  /// Signed by its own key.
  static Issued self_signed(const CertificateOptions& options = {});

 private:
  Issued own_;
};

}  // namespace holdfast::net
