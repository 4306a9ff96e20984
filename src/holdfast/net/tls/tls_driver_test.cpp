#include "holdfast/net/tls/tls_driver.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace holdfast::net {
namespace {

void must(bool good) {
  if (!good) throw std::runtime_error("OpenSSL made no certificate");
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(bytes));
  BIO_free(bio);
  return text;
}

void add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
  must(extension && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<EVP_PKEY> new_key() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  must(key != nullptr);
  return key;
}

/// Named, dated, with its key, and not signed.
std::shared_ptr<X509> new_certificate(EVP_PKEY* key, const std::string& name, const CertificateOptions& options) {
  static long serial = 0;
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  must(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.valid_until);
  X509_set_pubkey(certificate.get(), key);
  const auto* const common_name = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, common_name, -1, -1, 0);
  return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* with) {
  must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  must(X509_sign(certificate, with, EVP_sha256()) > 0);
}

void add_names(X509* certificate, X509* issuer, const CertificateOptions& options) {
  std::string names;
  for (const std::string& name : options.names)
    names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) add_extension(certificate, issuer, NID_subject_alt_name, names);
}

}  // namespace

std::string Issued::certificate_pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_X509(bio, certificate_.get()) == 1);
  return text_of(bio);
}

std::string Issued::key_pem(const std::string& pass_phrase) const {
  BIO* const bio = BIO_new(BIO_s_mem());
  const EVP_CIPHER* const cipher = pass_phrase.empty() ? nullptr : EVP_aes_128_cbc();
  const auto* const phrase = reinterpret_cast<const unsigned char*>(pass_phrase.data());
  const int bytes = static_cast<int>(pass_phrase.size());
  must(PEM_write_bio_PrivateKey(bio, key_.get(), cipher, cipher ? phrase : nullptr, bytes, nullptr, nullptr) == 1);
  return text_of(bio);
}

Authority::Authority(const std::string& name) {
  own_.key_ = new_key();
  own_.certificate_ = new_certificate(own_.key_.get(), name, {.valid_from = -7'200, .valid_until = 7'200});
  X509* const raw = own_.certificate_.get();
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(raw, raw, own_.key_.get());
}

Issued Authority::issue(const CertificateOptions& options) const {
  Issued issued;
  issued.key_ = new_key();
  // The common name would fit every test: it must not count.
  issued.certificate_ = new_certificate(issued.key_.get(), "localhost", options);
  X509* const raw = issued.certificate_.get();
  add_names(raw, own_.certificate_.get(), options);
  sign(raw, own_.certificate_.get(), own_.key_.get());
  return issued;
}

Issued Authority::self_signed(const CertificateOptions& options) {
  Issued issued;
  issued.key_ = new_key();
  issued.certificate_ = new_certificate(issued.key_.get(), "localhost", options);
  X509* const raw = issued.certificate_.get();
  add_names(raw, raw, options);
  sign(raw, raw, issued.key_.get());
  return issued;
}

}  // namespace holdfast::net
