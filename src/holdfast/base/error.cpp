#include "holdfast/base/error.hpp"

#include <array>

#include "holdfast/base/check.hpp"

namespace holdfast {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  int status;
};

constexpr std::array rows = {
    Row{Errc::ok, "ok", 200},
    Row{Errc::invalid_argument, "invalid_argument", 400},
    Row{Errc::config, "config", 400},
    Row{Errc::unauthorized, "unauthorized", 401},
    Row{Errc::forbidden, "forbidden", 403},
    Row{Errc::no_such_job, "no_such_job", 404},
    Row{Errc::no_such_operation, "no_such_operation", 404},
    Row{Errc::lock_conflict, "lock_conflict", 409},
    Row{Errc::provider_locked, "provider_locked", 409},
    Row{Errc::lock_not_overridable, "lock_not_overridable", 409},
    Row{Errc::stale_answer, "stale_answer", 409},
    Row{Errc::already_answered, "already_answered", 409},
    Row{Errc::confirmation_required, "confirmation_required", 409},
    Row{Errc::stale_epoch, "stale_epoch", 409},
    Row{Errc::switched, "switched", 409},
    Row{Errc::cancelled, "cancelled", 409},
    Row{Errc::too_large, "too_large", 413},
    Row{Errc::provider_unreachable, "provider_unreachable", 502},
    Row{Errc::provider_failed, "provider_failed", 502},
    Row{Errc::truncated, "truncated", 502},
    Row{Errc::store_unavailable, "store_unavailable", 503},
    Row{Errc::store_held, "store_held", 503},
    Row{Errc::outcome_unknown, "outcome_unknown", 503},
};

const Row& row(Errc code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  HOLDFAST_CHECK(index < rows.size() && rows[index].code == code, "the table of error codes follows the enum");
  return rows[index];
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "holdfast"; }
  std::string message(int value) const override { return std::string(row(static_cast<Errc>(value)).name); }
};

}  // namespace

std::string_view name(Errc code) noexcept {
  return row(code).name;
}

Errc errc_from_name(std::string_view name) noexcept {
  for (const Row& each : rows) {
    if (each.name == name) return each.code;
  }
  return Errc::ok;
}

int http_status(Errc code) noexcept {
  return row(code).status;
}

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw Error(failure.code, failure.message);
}

}  // namespace holdfast
