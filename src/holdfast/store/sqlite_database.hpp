#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace holdfast::store {

/// What SQLite could not do. Faults travel as exceptions inside the store's own files only; `Sqlite` turns each into a
/// value before it leaves.
class Fault : public std::runtime_error {
 public:
  Fault(int code, const std::string& what) : std::runtime_error(what), code_(code) {}

  int code() const { return code_; }  ///< extended
  int primary() const { return code_ & 0xFF; }
  bool is_constraint() const { return primary() == SQLITE_CONSTRAINT; }

 private:
  int code_;
};

/// A prepared statement while it is used: bound, stepped, and given back when this goes.
class Query {
 public:
  template <class... Values>
  Query(sqlite3* database, sqlite3_stmt* statement, const Values&... values)
      : database_(database), statement_(statement) {
    int index = 0;
    (bind(++index, values), ...);
  }
  ~Query() { sqlite3_reset(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Text is not copied: it must live as long as the query.
  void bind(int index, std::string_view text) {
    // A view of nothing is an empty text, not NULL.
    must(sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                             SQLITE_UTF8));
  }
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  void bind(int index, std::nullopt_t) { must(sqlite3_bind_null(statement_, index)); }
  template <std::integral Number>
  void bind(int index, Number number) {
    must(sqlite3_bind_int64(statement_, index, static_cast<std::int64_t>(number)));
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, std::nullopt);
  }

  /// The next row; false behind the last.
  bool row();

  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::uint64_t size(int column) const { return static_cast<std::uint64_t>(number(column)); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  /// Lives until the next row.
  std::string_view view(int column) const;
  std::string text(int column) const { return std::string(view(column)); }

 private:
  void must(int code) const;

  sqlite3* database_;
  sqlite3_stmt* statement_;
};

/// One connection and its prepared statements.
///
/// Threads: one at a time. Errors: `Fault`, with a sentence that names the file. Limits: waits at most `busy_wait` for
/// another process.
class Database {
 public:
  /// Ten seconds: commits of other processes take milliseconds, so whoever waits longer waits for something stuck.
  static constexpr int busy_wait_ms = 10000;

  /// Opens an existing file. `vfs` names SQLite's file layer; empty: its own.
  Database(const std::string& path, const std::string& vfs);

  /// `sql` must be a literal: the statement is kept under its address.
  template <class... Values>
  Query query(const char* sql, const Values&... values) {
    return Query(handle_.get(), prepared(sql), values...);
  }
  /// Runs to the end; answers how many rows were changed.
  template <class... Values>
  int run(const char* sql, const Values&... values) {
    Query each = query(sql, values...);
    while (each.row()) {
    }
    return sqlite3_changes(handle_.get());
  }
  /// Several statements, not kept.
  void script(const char* sql);

  std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  /// Ends a transaction that is open, whatever becomes of it.
  void roll_back() noexcept;
  sqlite3* handle() { return handle_.get(); }
  const std::string& path() const { return path_; }
  [[noreturn]] void fail(int code, const std::string& doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  sqlite3_stmt* prepared(const char* sql);

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Close>> statements_;
};

/// A transaction that is undone unless it is committed. `immediate` ones may write.
class Scope {
 public:
  enum class Kind { read, immediate };
  Scope(Database& database, Kind kind) : database_(database) {
    database_.run(kind == Kind::read ? "BEGIN" : "BEGIN IMMEDIATE");
  }
  ~Scope() {
    if (!done_) database_.roll_back();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  void commit() {
    database_.run("COMMIT");
    done_ = true;
  }

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace holdfast::store
