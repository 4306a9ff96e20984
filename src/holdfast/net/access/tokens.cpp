#include "holdfast/net/access/tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>

namespace holdfast::net {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::array token_fields = {std::string_view("Authorization"), std::string_view("x-api-key"),
                                     std::string_view("xi-api-key")};

std::array<unsigned char, 32> digest_of(std::string_view token) {
  std::array<unsigned char, 32> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

std::string hex(std::span<const unsigned char> bytes) {
  std::string out;
  for (const unsigned char each : bytes) {
    out += digits[each >> 4];
    out += digits[each & 15];
  }
  return out;
}

std::optional<unsigned> value_of(char digit) {
  if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
  const std::size_t value = digits.find(digit);
  return value == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(value));
}

std::optional<std::array<unsigned char, 32>> bytes_of(std::string_view text) {
  std::array<unsigned char, 32> out{};
  if (text.size() != out.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = value_of(text[2 * i]), low = value_of(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    out[i] = static_cast<unsigned char>(*high << 4 | *low);
  }
  return out;
}

constexpr unsigned bit(Scope scope) {
  return 1U << static_cast<unsigned>(scope);
}

/// With everything that it includes; 0 for an unknown word.
unsigned scopes_of(std::string_view word) {
  using enum Scope;
  if (word == "proxy") return bit(open) | bit(proxy);
  if (word == "read") return bit(open) | bit(read);
  if (word == "answer") return bit(open) | bit(read) | bit(answer);
  if (word == "admin") return bit(open) | bit(proxy) | bit(read) | bit(answer) | bit(admin);
  return 0;
}

std::string_view without_scheme(std::string_view credential) {
  constexpr std::string_view bearer = "Bearer ";
  if (credential.size() > bearer.size() && same_word(credential.substr(0, bearer.size()), bearer)) {
    credential.remove_prefix(bearer.size());
    while (credential.starts_with(' '))
      credential.remove_prefix(1);
  }
  return credential;
}

}  // namespace

std::string_view name(Scope scope) noexcept {
  switch (scope) {
    case Scope::open:
      return "open";
    case Scope::proxy:
      return "proxy";
    case Scope::read:
      return "read";
    case Scope::answer:
      return "answer";
    case Scope::admin:
      return "admin";
  }
  __builtin_unreachable();
}

result<Tokens> Tokens::make(std::span<const TokenEntry> entries) {
  Tokens out;
  for (const TokenEntry& each : entries) {
    const auto refused = [&](const std::string& why) {
      return Failure{.code = Errc::config, .message = "token '" + each.name + "' " + why};
    };
    if (each.name.empty()) return refused("has no name");
    const auto digest = bytes_of(each.sha256);
    if (!digest) return refused("has a sha256 that is not 64 hexadecimal digits");
    Entry entry{.match = {.name = each.name}, .digest = *digest};
    for (const std::string& word : each.scopes) {
      const unsigned scopes = scopes_of(word);
      if (scopes == 0) return refused("has the scope '" + word + "', which is none");
      entry.match.scopes |= scopes;
    }
    if (each.scopes.empty()) return refused("has no scope");
    out.entries_.push_back(std::move(entry));
  }
  return out;
}

const Tokens::Entry* Tokens::entry_of(std::string_view token) const {
  if (entries_.empty()) return nullptr;
  const Digest digest = digest_of(token);
  const Entry* found = nullptr;
  for (const Entry& each : entries_) {  // all of them, whatever was found
    if (::CRYPTO_memcmp(each.digest.data(), digest.data(), digest.size()) == 0) found = &each;
  }
  return found;
}

std::optional<TokenMatch> Tokens::find(const Fields& fields) const {
  for (const std::string_view wanted : token_fields) {
    for (const Field& each : fields) {
      if (!same_word(each.name, wanted)) continue;
      const std::string_view token = without_scheme(each.value);
      const bool with_scheme = token.size() < each.value.size();
      if (with_scheme != (wanted == token_fields.front())) continue;  // `Bearer` is of Authorization, and needed there
      if (const Entry* entry = entry_of(token)) return entry->match;
    }
  }
  return std::nullopt;
}

bool Tokens::knows(std::string_view credential) const {
  return entry_of(without_scheme(credential)) != nullptr;
}

std::string new_token() {
  std::array<unsigned char, 32> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw Error(Errc::config, "this machine gives no random bytes, so there is no token");
  }
  std::string token = "hf_" + hex(bytes);
  ::OPENSSL_cleanse(bytes.data(), bytes.size());
  return token;
}

std::string sha256_of_token(std::string_view token) {
  return hex(digest_of(token));
}

}  // namespace holdfast::net
