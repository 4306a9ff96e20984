#pragma once

// What the tests of the SQLite store share.

#include "store_driver.hpp"

namespace holdfast::store {

/// A connection beside the store, for what no caller of the store could do.
class Raw {
 public:
  explicit Raw(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
    run("PRAGMA synchronous=OFF");
  }
  ~Raw() { sqlite3_close(database_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  /// Empty where it worked.
  std::string run(const std::string& sql) {
    char* said = nullptr;
    sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &said);
    std::string out = said == nullptr ? "" : said;
    sqlite3_free(said);
    return out;
  }
  std::string value(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    std::string out;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      out = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return out;
  }
  void must(const std::string& sql) { EXPECT_EQ(run(sql), "") << sql; }

 private:
  sqlite3* database_ = nullptr;
};

class SqliteStore : public testing::Test {
 protected:
  std::string path() const { return folder_.file(); }
  Folder folder_;
};

}  // namespace holdfast::store
