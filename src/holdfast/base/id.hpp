#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

/// A number that cannot be taken for another kind of number. 0 means none.
template <class Tag>
struct Id {
  std::uint64_t value = 0;

  explicit operator bool() const { return value != 0; }
  auto operator<=>(const Id&) const = default;
};

/// One provider call under watch. Unique across processes and hosts, rises with time within one process.
using OperationId = Id<struct OperationTag>;
/// A caller who waits for a reply.
using Ticket = Id<struct TicketTag>;
/// A transaction on its way to the store.
using SaveId = Id<struct SaveTag>;

/// "op-" and 13 characters of Crockford's base 32: sorts like the number, no letters that look alike.
std::string text(OperationId id);
/// Nothing where the text is not one that `text` makes.
std::optional<OperationId> parse_operation_id(std::string_view text);

}  // namespace holdfast

template <class Tag>
struct std::hash<holdfast::Id<Tag>> {
  std::size_t operator()(holdfast::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
