#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "holdfast/api/json.hpp"
#include "holdfast/base/error.hpp"
#include "holdfast/core/news.hpp"

namespace holdfast::api {

/// JSON → news: the way back from `to_json(News)` and from an event's line.
///
/// Strict: every key that `to_json` writes must be there with its type; the failure (`invalid_argument`) names the key.
/// Keys that are not known are passed over, so that newer writers can be read. `job_id` and `operation_id` stand
/// outside the data; where there is none they are empty. Threads: any. Errors: values, whatever the input is.
result<News> news_from_json(std::string_view event_name, std::string_view job_id, std::string_view operation_id,
                            const boost::json::object& data);

/// What `event_line` says.
struct Told {
  std::uint64_t seq = 0;
  WallTime time{};
  News news{};
};

/// An operation as `to_json(OperationView)` writes it.
result<OperationView> operation_from_json(const boost::json::object& object);

/// A job as `to_json(JobRow)` writes it: without its plan, and of its owner what others may know.
result<JobRow> job_row_from_json(const boost::json::object& object);

/// The way back from an event's line, as text.
result<Told> told_from_line(std::string_view line);

}  // namespace holdfast::api
