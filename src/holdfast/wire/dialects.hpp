#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "holdfast/wire/answer.hpp"

/// Inside this module: what the frames and documents of each dialect mean.
namespace holdfast::wire {

/// One frame of a streamed answer. `event` is the name of an SSE event, empty where there is none.
void read_openai(const Route& route, std::string_view event, const boost::json::object& frame, Findings& out);
void read_anthropic(std::string_view event, const boost::json::object& frame, Findings& out);
void read_ollama(const boost::json::object& frame, Findings& out);

/// The text and the percent of a whole document, and its error where a 2xx has one.
void read_whole_openai(const Route& route, const boost::json::object& document, Findings& out);
void read_whole_anthropic(const boost::json::object& document, Findings& out);
void read_whole(const Route& route, const boost::json::object& document, Findings& out);

/// What a provider says of its error, in `object` or in its member `error` or `detail`. `status`: that of the answer.
ProviderFault fault_in(const boost::json::object& object, int status);

/// Adds to the text; true: there was something.
bool add_text(std::string_view part, Findings& out);

/// The text with what is not UTF-8 as `?`, so that it may stand in JSON.
std::string as_utf8(std::string_view text);

}  // namespace holdfast::wire
