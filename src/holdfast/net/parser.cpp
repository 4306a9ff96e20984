#include "holdfast/net/parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/optional.hpp>
#include <variant>

#include "holdfast/base/check.hpp"
#include "holdfast/net/target.hpp"

namespace holdfast::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;

/// Beast's parser with our own fields, and with the body as views into what was put.
template <bool is_request>
class Parser final : public http::basic_parser<is_request> {
 public:
  RequestHead request;
  ResponseHead response;
  std::string_view piece;

 private:
  Fields& fields() { return is_request ? request.fields : response.fields; }

  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code&) override {
    request.method = std::string_view(method);
    request.target = std::string_view(target);
    request.minor_version = version - 10;
  }
  void on_response_impl(int status, string_view reason, int version, error_code&) override {
    response.status = status;
    response.reason = std::string_view(reason);
    response.minor_version = version - 10;
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (!this->is_header_done()) fields().add(name, value);
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override {
    piece = body;
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    piece = body;
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
};

/// "0", and an empty line behind it.
constexpr std::size_t last_chunk_bytes = std::string_view("0\r\n\r\n").size();

struct Refusal {
  int status = 0;
  std::string_view reason = {};
};

Refusal framing_problem(const Fields& fields, int minor_version) {
  const std::size_t lengths = fields.count("Content-Length");
  const std::size_t encodings = fields.count("Transfer-Encoding");
  if (lengths > 1) return {400, "Content-Length is there twice"};
  if (encodings > 1) return {400, "Transfer-Encoding is there twice"};
  if (lengths == 1 && encodings == 1) return {400, "Content-Length and Transfer-Encoding together"};
  if (lengths == 1 && !parse_length(*fields.find("Content-Length"))) return {400, "Content-Length is not a number"};
  if (encodings == 1) {
    if (!same_word(*fields.find("Transfer-Encoding"), "chunked")) {
      return {400, "a Transfer-Encoding other than chunked"};
    }
    if (minor_version == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
  }
  return {};
}

Refusal request_problem(const RequestHead& head) {
  const Refusal framing = framing_problem(head.fields, head.minor_version);
  if (framing.status != 0) return framing;
  const std::size_t hosts = head.fields.count("Host");
  if (hosts > 1) return {400, "Host is there twice"};
  if (hosts == 0 && head.minor_version == 1) return {400, "Host is missing"};
  if (hosts == 1 && !is_host(*head.fields.find("Host"))) return {400, "Host is neither a name nor an address"};
  if (head.method == "CONNECT") return {501, "this is no tunnel"};
  const auto expectation = head.fields.find("Expect");
  if (expectation && !same_word(*expectation, "100-continue")) return {417, "an unknown expectation"};
  return {};
}

/// Beast names a version that it does not speak and one that is none alike; only the first is worth its own answer.
bool names_another_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view version = line.substr(space + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) && version[6] == '.' &&
         digit(version[7]);
}

}  // namespace

HeadScanner::State HeadScanner::refuse(int status, std::string_view reason) {
  status_ = status;
  reason_ = reason;
  return State::refused;
}

bool HeadScanner::may_begin(std::string_view line) const {
  return kind_ == Kind::request ? is_token(line.substr(0, 1)) : line.starts_with('H');
}

HeadScanner::State HeadScanner::take_line(std::string_view line) {
  if (!is_field_value(line)) return refuse(400, "a control character in the head");
  if (lines_ == 1) {
    return may_begin(line) ? State::more : refuse(400, "the first line is not one");
  }
  if (line.empty()) return State::whole;
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "a field is continued on the next line");
  if (lines_ - 1 > limits_.fields_max) return refuse(431, "too many fields");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "a field without a colon");
  if (!is_token(line.substr(0, colon))) return refuse(400, "the name of a field is not one");
  return State::more;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (status_ != 0) return State::refused;
  for (;;) {
    const std::size_t end = bytes.find('\n', looked_at_);
    const std::size_t seen = end == std::string_view::npos ? bytes.size() : end + 1;
    if (lines_ == 0 && seen > limits_.line_bytes_max) return refuse(414, "the first line is too long");
    if (seen > limits_.head_bytes_max) return refuse(431, "the head is too large");
    if (end == std::string_view::npos) {
      looked_at_ = bytes.size();
      // What cannot become a request need not be waited for: TLS spoken to a plain port, a scan of ports.
      if (lines_ == 0 && !bytes.empty() && !may_begin(bytes)) return refuse(400, "the first line is not one");
      return State::more;
    }
    if (end == line_begin_ || bytes[end - 1] != '\r') return refuse(400, "a line ends without a carriage return");
    ++lines_;
    const State state = take_line(bytes.substr(line_begin_, end - 1 - line_begin_));
    if (state == State::refused) return state;
    line_begin_ = looked_at_ = end + 1;
    if (state == State::whole) return state;
  }
}

struct MessageParser::State {
  template <class Function>
  decltype(auto) visit(Function function) {
    if (auto* request = std::get_if<Parser<true>>(&parser)) return function(*request);
    return function(std::get<Parser<false>>(parser));
  }

  State(Kind kind, const HeadLimits& limits) : scanner(kind, limits) {
    if (kind == Kind::request) {
      parser.emplace<Parser<true>>();
    } else {
      parser.emplace<Parser<false>>();
    }
    visit([&](auto& each) {
      each.header_limit(static_cast<std::uint32_t>(limits.head_bytes_max + 4));
      each.body_limit(boost::none);  // whoever reads the body sets the limit
    });
  }

  ParserStep refuse(int status, std::string_view why, Fault fault = Fault::malformed) {
    refusal = {status, why};
    return {.error = fault};
  }
  ParserStep feed_head(std::string_view bytes);
  ParserStep feed_body(std::string_view bytes);

  HeadScanner scanner;
  /// In place: Beast's parsers neither copy nor move cheaply.
  std::variant<std::monostate, Parser<true>, Parser<false>> parser;
  bool head_done = false;
  bool last_chunk_begun = false;  ///< Beast has read its line, and wants the end of the trailers
  Refusal refusal;
};

ParserStep MessageParser::State::feed_head(std::string_view bytes) {
  switch (scanner.scan(bytes)) {
    case HeadScanner::State::more:
      return {.needs_more = true};
    case HeadScanner::State::refused:
      return refuse(scanner.status(), scanner.reason(),
                    scanner.status() == 400 ? Fault::malformed : Fault::head_too_large);
    case HeadScanner::State::whole:
      break;
  }
  const std::string_view head = bytes.substr(0, scanner.length());
  return visit([&]<bool is_request>(Parser<is_request>& each) -> ParserStep {
    error_code error;
    const std::size_t consumed = each.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error == http::error::bad_version && is_request && names_another_version(head)) {
      return refuse(505, "another version of HTTP");
    }
    if (error || consumed != head.size() || !each.is_header_done()) return refuse(400, "the head is not one");
    const Refusal problem =
        is_request ? request_problem(each.request) : framing_problem(each.response.fields, each.response.minor_version);
    if (problem.status != 0) return refuse(problem.status, problem.reason);
    head_done = true;
    return {.consumed = consumed};
  });
}

ParserStep MessageParser::State::feed_body(std::string_view bytes) {
  return visit([&](auto& each) -> ParserStep {
    if (each.is_done() || bytes.empty()) return {.needs_more = true};
    // Beast 1.81 stops the process where it is shown less of a last chunk again. That much always comes.
    if (last_chunk_begun && bytes.size() < last_chunk_bytes) return {.needs_more = true};
    error_code error;
    each.piece = {};
    const std::size_t consumed = each.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::need_more) {
      // Of any other chunk a whole line is enough; the end of the data before it may stand in front.
      const std::string_view line = bytes.substr(bytes.starts_with("\r\n") ? 2 : 0);
      last_chunk_begun = line.starts_with('0') && line.find("\r\n") != std::string_view::npos;
      if (bytes.size() > chunk_line_bytes_max) return refuse(400, "the line of a chunk is too long");
      return {.consumed = consumed, .needs_more = true};
    }
    if (error) return refuse(400, "the body is not framed as it must be");
    return {.consumed = consumed, .body = each.piece};
  });
}

MessageParser::MessageParser(Kind kind, const HeadLimits& limits) : state_(std::make_unique<State>(kind, limits)) {}
MessageParser::~MessageParser() = default;
MessageParser::MessageParser(MessageParser&&) noexcept = default;
MessageParser& MessageParser::operator=(MessageParser&&) noexcept = default;

void MessageParser::expect_no_body() {
  state_->visit([](auto& each) { each.skip(true); });
}

ParserStep MessageParser::feed(std::string_view bytes) {
  if (state_->refusal.status != 0) return {.error = Fault::malformed};
  return state_->head_done ? state_->feed_body(bytes) : state_->feed_head(bytes);
}

error_code MessageParser::feed_end() {
  if (done()) return {};
  if (!state_->head_done) return Fault::truncated;
  return state_->visit([](auto& each) -> error_code {
    error_code error;
    each.put_eof(error);
    return error ? error_code(Fault::truncated) : error_code();
  });
}

bool MessageParser::head_done() const {
  return state_->head_done;
}

bool MessageParser::done() const {
  return state_->head_done && state_->visit([](const auto& each) { return each.is_done(); });
}

bool MessageParser::keep_alive() const {
  return state_->head_done && state_->visit([](const auto& each) { return each.keep_alive(); });
}

bool MessageParser::lasts_until_close() const {
  return state_->head_done && state_->visit([](const auto& each) { return each.need_eof(); });
}

std::optional<std::uint64_t> MessageParser::content_length() const {
  return state_->visit([](const auto& each) -> std::optional<std::uint64_t> {
    const auto length = each.content_length();
    if (!length) return std::nullopt;
    return *length;
  });
}

RequestHead& MessageParser::request() {
  return std::get<Parser<true>>(state_->parser).request;
}
ResponseHead& MessageParser::response() {
  return std::get<Parser<false>>(state_->parser).response;
}
int MessageParser::refusal_status() const {
  return state_->refusal.status;
}
std::string_view MessageParser::refusal_reason() const {
  return state_->refusal.reason;
}

}  // namespace holdfast::net
