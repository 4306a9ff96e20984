#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/net/message.hpp"

/// Tokens: who carries one, and what it allows. What is kept of a token is its SHA-256, never the token itself.
namespace holdfast::net {

/// What a token must allow before a request is answered.
enum class Scope : unsigned char {
  open,    ///< anybody: says nothing about jobs
  proxy,   ///< has work done by providers
  read,    ///< looks
  answer,  ///< answers questions, switches, cancels: what a person does to a running job; includes `read`
  admin,   ///< opens, locks, releases; includes all
};
/// "open", "proxy", "read", "answer", "admin".
std::string_view name(Scope scope) noexcept;

/// A token as the configuration has it.
struct TokenEntry {
  std::string name{};
  std::string sha256{};               ///< of the token: 64 hexadecimal digits
  std::vector<std::string> scopes{};  ///< of "proxy", "read", "answer", "admin"
};

/// Whose token it is.
struct TokenMatch {
  std::string name{};
  unsigned scopes = 0;  ///< a bit each, what they include among them

  bool allows(Scope scope) const { return (scopes >> static_cast<unsigned>(scope) & 1U) != 0; }
};

/// The tokens of a process. A credential is hashed once and compared with every entry in a time that does not depend on
/// what they hold: nobody learns from the time how much of a guess was right, or which entry it was.
/// Threads: reading from any. Limits: the caller's; each request costs one hash for each credential that it carries and
/// one comparison for each entry.
class Tokens {
 public:
  Tokens() = default;
  /// `Errc::config` names an entry without a name, with a hash that is none, with unknown scopes or with none.
  static result<Tokens> make(std::span<const TokenEntry> entries);

  bool empty() const { return entries_.empty(); }
  /// Looks at `Authorization: Bearer`, `x-api-key` and `xi-api-key`, in this order. Nothing: none of them is a token of
  /// ours, which may be because they are a provider's.
  std::optional<TokenMatch> find(const Fields& fields) const;
  /// Whether a value of one of these fields is a token of ours: such a one is never passed on.
  bool knows(std::string_view credential) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    TokenMatch match{};
    Digest digest{};
  };

  const Entry* entry_of(std::string_view token) const;

  std::vector<Entry> entries_{};
};

/// A token that nobody can guess: `hf_` and 32 random bytes in hexadecimal. Throws `Error` where the machine has no
/// randomness to give.
std::string new_token();
/// The SHA-256 in lower-case hexadecimal, as the configuration wants it.
std::string sha256_of_token(std::string_view token);

}  // namespace holdfast::net
