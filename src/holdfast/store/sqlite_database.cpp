#include "holdfast/store/sqlite_database.hpp"

namespace holdfast::store {
namespace {

std::string sentence(const std::string& path, const std::string& doing, int code, const char* said) {
  const char* hint = "";
  switch (code & 0xFF) {
    case SQLITE_FULL:
      hint = "; the disk is full";
      break;
    case SQLITE_BUSY:
      hint = "; another process holds it for longer than 10 s";
      break;
    case SQLITE_NOMEM:
      hint = "; there is not enough memory";
      break;
    case SQLITE_READONLY:
      hint = "; it, or its folder, cannot be written";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      hint = "; it is damaged or cut short, and was left as it is: restore it from a copy";
      break;
    default:
      break;
  }
  return "store " + path + ": " + doing + ": " + said + hint;
}

}  // namespace

bool Query::row() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  must(sqlite3_extended_errcode(database_));
  throw Fault(code, "the store could not be read or written");
}

std::string_view Query::view(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) {
    if (sqlite3_errcode(database_) == SQLITE_NOMEM) must(SQLITE_NOMEM);
    return {};
  }
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Query::must(int code) const {
  if (code == SQLITE_OK) return;
  const char* path = sqlite3_db_filename(database_, "main");
  throw Fault(code, sentence(path == nullptr ? "" : path, (code & 0xFF) == SQLITE_CONSTRAINT ? "refused" : "failed",
                             code, sqlite3_errmsg(database_)));
}

Database::Database(const std::string& path, const std::string& vfs) : path_(path) {
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX,
                      vfs.empty() ? nullptr : vfs.c_str());
  handle_.reset(opened);
  if (code != SQLITE_OK) {
    throw Fault(code, sentence(path, "opening it", code, opened == nullptr ? "out of memory" : sqlite3_errmsg(opened)));
  }
  sqlite3_busy_timeout(opened, busy_wait_ms);
  // Rows are the business of this program alone; what a damaged file makes of them must not become code.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

sqlite3_stmt* Database::prepared(const char* sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, "preparing a statement");
  statements_.emplace(sql, std::unique_ptr<sqlite3_stmt, Close>(statement));
  return statement;
}

void Database::script(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "setting it up");
}

void Database::roll_back() noexcept {
  if (in_transaction()) sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::fail(int code, const std::string& doing) const {
  throw Fault(code, sentence(path_, doing, code, sqlite3_errmsg(handle_.get())));
}

}  // namespace holdfast::store
