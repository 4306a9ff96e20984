#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <vector>

#include "holdfast/net/tls/tls_internal.hpp"

namespace holdfast::net {
namespace {

template <auto function>
struct Freeing {
  template <class T>
  void operator()(T* what) const {
    function(what);
  }
};
using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Context = std::shared_ptr<SSL_CTX>;

/// Lengths and names, as ALPN lists them: what a client offers, and what a server takes. Old clients name HTTP/1.0.
constexpr std::array<unsigned char, 9> http_1_1 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::array<unsigned char, 18> http_1 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1',
                                                  8, 'h', 't', 't', 'p', '/', '1', '.', '0'};

Failure unusable(const std::string& file, const std::string& why) {
  return {.code = Errc::config, .message = "cannot use " + file + ": " + why};
}

result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unusable(path, std::generic_category().message(errno));
  std::string text(tls_file_bytes_max + 1, '\0');
  std::size_t bytes = 0;
  ssize_t got = 1;
  while (got > 0 && bytes < text.size()) {
    got = ::read(fd, text.data() + bytes, text.size() - bytes);
    if (got < 0 && errno == EINTR)
      got = 1;
    else if (got > 0)
      bytes += static_cast<std::size_t>(got);
  }
  const int error = errno;
  ::close(fd);
  if (got < 0) return unusable(path, std::generic_category().message(error));
  if (bytes > tls_file_bytes_max) return unusable(path, "it is larger than 4 MiB");
  text.resize(bytes);
  return text;
}

Bio bio_over(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

result<std::vector<Certificate>> read_certificates(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  const Bio bio = bio_over(*text);
  std::vector<Certificate> certificates;
  ERR_clear_error();
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    certificates.emplace_back(certificate);
  const bool at_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_the_end) return unusable(path, "one of its certificates is damaged");
  if (certificates.empty()) return unusable(path, "there is no certificate in PEM in it");
  return certificates;
}

result<Key> read_key(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  const Bio bio = bio_over(*text);
  bool asked = false;
  const auto no_phrase = [](char*, int, int, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return -1;
  };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_phrase, &asked));
  ERR_clear_error();
  if (asked) return unusable(path, "the key is behind a pass phrase, which nobody is there to type");
  if (!key) return unusable(path, "there is no private key in PEM in it");
  return key;
}

Context new_context(const SSL_METHOD* method) {
  const Context context(SSL_CTX_new(method), Freeing<SSL_CTX_free>());
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection gives its two buffers of 16 KiB back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

bool has_files(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator files(folder, error);
  return !error && files != std::filesystem::directory_iterator();
}

/// Whether the system's default places hold anything: OpenSSL itself is content with nothing.
bool trust_system(SSL_CTX* context) {
  if (SSL_CTX_set_default_verify_paths(context) != 1) return false;
  if (sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(context))) > 0) return true;
  const char* const chosen = std::getenv(X509_get_default_cert_dir_env());
  return has_files(chosen ? chosen : X509_get_default_cert_dir());
}

int choose_http_1(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
                  unsigned int offered_bytes, void*) {
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, chosen_bytes, http_1.data(), http_1.size(), offered, offered_bytes);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

result<Context> server_context(const std::string& certificate_file, const std::string& key_file) {
  auto certificates = read_certificates(certificate_file);
  if (!certificates) return certificates.error();
  const auto key = read_key(key_file);
  if (!key) return key.error();
  const Context context = new_context(TLS_server_method());
  if (!context) return Failure{.code = Errc::config, .message = "OpenSSL cannot be set up"};
  SSL_CTX* const raw = context.get();
  // Forward secrecy and authenticated encryption for TLS 1.2, too; 1.3 has nothing else.
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(raw, choose_http_1, nullptr);
  ERR_clear_error();
  if (SSL_CTX_use_certificate(raw, certificates->front().get()) != 1) {
    return unusable(certificate_file, tls_error(X509_V_OK).message());
  }
  if (X509_check_private_key(certificates->front().get(), key->get()) != 1) {
    return unusable(key_file, "it is not the key of the first certificate in " + certificate_file);
  }
  if (SSL_CTX_use_PrivateKey(raw, key->get()) != 1) return unusable(key_file, tls_error(X509_V_OK).message());
  for (auto issuer = certificates->begin() + 1; issuer != certificates->end(); ++issuer) {
    if (SSL_CTX_add1_chain_cert(raw, issuer->get()) != 1) {
      return unusable(certificate_file, tls_error(X509_V_OK).message());
    }
  }
  return context;
}

}  // namespace

result<TlsClientContext> TlsClientContext::make(const std::string& ca_file) {
  const Context context = new_context(TLS_client_method());
  if (!context) return Failure{.code = Errc::config, .message = "OpenSSL cannot be set up"};
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), http_1_1.data(), http_1_1.size());
  if (ca_file.empty()) {
    if (trust_system(context.get())) return TlsClientContext(context);
    return Failure{.code = Errc::config,
                   .message = "this system has no root certificates: install ca-certificates, or name a file of them"};
  }
  const auto certificates = read_certificates(ca_file);
  if (!certificates) return certificates.error();
  for (const Certificate& each : *certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), each.get()) != 1) {
      return unusable(ca_file, tls_error(X509_V_OK).message());
    }
  }
  return TlsClientContext(context);
}

struct TlsServerContext::State {
  std::string certificate_file;
  std::string key_file;
  /// Held for as long as a pointer is copied, once a connection: reloading happens on another thread.
  mutable std::mutex mutex;
  Context context;
};

result<TlsServerContext> TlsServerContext::load(const std::string& certificate_file, const std::string& key_file) {
  auto context = server_context(certificate_file, key_file);
  if (!context) return context.error();
  const auto state = std::make_shared<State>();
  state->certificate_file = certificate_file;
  state->key_file = key_file;
  state->context = std::move(*context);
  return TlsServerContext(state);
}

result<void> TlsServerContext::reload() {
  auto context = server_context(state_->certificate_file, state_->key_file);
  if (!context) return context.error();
  const std::lock_guard lock(state_->mutex);
  state_->context.swap(*context);
  return {};
}

std::shared_ptr<ssl_ctx_st> TlsServerContext::current() const {
  const std::lock_guard lock(state_->mutex);
  return state_->context;
}

}  // namespace holdfast::net
