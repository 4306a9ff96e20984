#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <thread>

#include "holdfast/control/control_driver.hpp"
#include "holdfast/control/limits.hpp"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

/// One feed, read on a thread of its own.
class Reader {
 public:
  Reader(const net::Endpoint& endpoint, const std::string& query = {}, const std::string& last_id = {})
      : reading_(std::async(std::launch::async, [this, endpoint, query, last_id] {
          net::RequestHead head{.target = std::string(root) + "/events" + query};
          if (!last_id.empty()) head.fields.add("Last-Event-ID", last_id);
          return net::follow(endpoint, std::move(head),
                             [this](const net::SseEvent& event) {
                               const std::lock_guard lock(mutex_);
                               events_.push_back(event);
                               return true;
                             },
                             {.stop = stop_.get_token()});
        })) {}
  ~Reader() { stop_.request_stop(); }

  std::vector<net::SseEvent> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  /// Once there are so many.
  std::vector<net::SseEvent> events(std::size_t count) const {
    wait_for([&] { return events().size() >= count; });
    return events();
  }
  Errc outcome() {
    const auto answer = reading_.get();
    return answer ? Errc::ok : answer.error().code;
  }
  void stop() { stop_.request_stop(); }

 private:
  mutable std::mutex mutex_;
  std::vector<net::SseEvent> events_;
  std::stop_source stop_;
  std::future<result<net::Fetched>> reading_;  // last: ends before what it writes to
};

/// Bytes over a socket, read when the test says so.
class Slow {
 public:
  explicit Slow(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const std::string head = "GET /holdfast/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    EXPECT_EQ(::write(socket_, head.data(), head.size()), static_cast<ssize_t>(head.size()));
  }
  ~Slow() { ::close(socket_); }

  std::string read_until(const std::string& end) {
    std::string all;
    std::string room(65536, '\0');
    while (all.find(end) == std::string::npos) {
      const ssize_t got = ::read(socket_, room.data(), room.size());
      if (got <= 0) break;
      all.append(room, 0, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  int socket_;
};

std::vector<std::string> stages_of(const std::vector<net::SseEvent>& events) {
  std::vector<std::string> out;
  for (const net::SseEvent& each : events) {
    if (each.event != "stage.started") continue;
    out.emplace_back(boost::json::parse(each.data).at("data").at("stageName").get_string());
  }
  return out;
}

/// Tells until the reader has heard something: then it follows. Each time a request goes along the service's thread, so
/// that the loop does not run away from the feed: a reader that is overtaken hears no more.
void until_heard(Served& served, const Reader& reader, const std::string& job = "job") {
  wait_for([&] {
    tell(served.gateway(), "are you there", job);
    served.get("/health/live");
    return !reader.events().empty();
  });
}

TEST(Feed, TellsEverythingInOrderAsItIsDocumented) {
  Served served;
  Reader reader(served.endpoint());
  until_heard(served, reader);
  served.post("/jobs", R"({"jobId": "job", "locks": [{"providerName": "Ollama"}]})");
  served.ask("DELETE", "/jobs/job");
  const auto has_closed = [](const net::SseEvent& each) { return each.event == "job.closed"; };
  wait_for([&] { return std::ranges::any_of(reader.events(), has_closed); });
  const Schemas schemas;
  std::vector<std::string> names;
  std::uint64_t last = 0;
  for (const net::SseEvent& each : reader.events()) {
    const boost::json::value line = boost::json::parse(each.data);
    EXPECT_EQ(schemas.problem(line, schemas.document().at("components").at("schemas").at("Event")), "") << each.data;
    EXPECT_EQ(line.at("event").get_string(), each.event);
    const auto seq = line.at("seq").to_number<std::uint64_t>();
    EXPECT_TRUE(last == 0 || seq == last + 1);
    EXPECT_THAT(each.id, testing::EndsWith("-" + std::to_string(seq)));
    last = seq;
    if (each.event != "stage.started") names.push_back(each.event);
  }
  EXPECT_THAT(names, testing::ElementsAre("job.opened", "lock.created", "lock.ended", "job.closed"));
}

TEST(Feed, OfOneJobTellsNothingElse) {
  Served served;
  Reader reader(served.endpoint(), "?job=mine%2F1");
  until_heard(served, reader, "mine/1");
  tell(served.gateway(), "theirs", "other");
  tell(served.gateway(), "end", "mine/1");
  wait_for([&] { return stages_of(reader.events()).back() == "end"; });
  EXPECT_THAT(stages_of(reader.events()), testing::Not(testing::Contains("theirs")));
}

/// Its reader has left then.
std::string id_of_one_that_was_heard(Served& served) {
  Reader reader(served.endpoint());
  until_heard(served, reader);
  tell(served.gateway(), "a");
  wait_for([&] { return stages_of(reader.events()).back() == "a"; });
  return reader.events().back().id;
}

TEST(Feed, ResumesBehindTheLastEventThatWasHeard) {
  Served served;
  const std::string last = id_of_one_that_was_heard(served);
  tell(served.gateway(), "b");
  tell(served.gateway(), "c");
  Reader again(served.endpoint(), "", last);
  EXPECT_THAT(stages_of(again.events(2)), testing::ElementsAre("b", "c"));
  tell(served.gateway(), "d");
  EXPECT_THAT(stages_of(again.events(3)), testing::ElementsAre("b", "c", "d"));
}

TEST(Feed, WhatCameWhileNobodyFollowedIsThereForWhoComesBack) {
  Served served;
  const std::string last = id_of_one_that_was_heard(served);
  std::vector<std::string> missed;
  for (std::size_t i = 0; i < untold_events_max + 10; ++i) {
    missed.push_back("missed " + std::to_string(i));
    tell(served.gateway(), missed.back());
  }
  Reader again(served.endpoint(), "", last);
  EXPECT_EQ(stages_of(again.events(missed.size())), missed);
}

TEST(Feed, AnIdThatIsTooOldIsAnsweredByAReset) {
  ServiceOptions options;
  options.events_kept = 4;
  Served served(Served::with_providers(), options);
  std::string first;
  {
    Reader reader(served.endpoint());
    // A request goes along the service's thread too: behind it the reader was served, and nothing overtakes it.
    while (reader.events().empty()) {
      tell(served.gateway(), "are you there");
      served.get("/health/live");
    }
    first = reader.events().front().id;
  }
  for (int i = 0; i < 10; ++i)
    tell(served.gateway(), "more");
  served.get("/health/live");
  Reader again(served.endpoint(), "", first);
  const net::SseEvent reset = again.events(1).front();
  EXPECT_EQ(reset.event, "reset");
  const Schemas schemas;
  EXPECT_EQ(
      schemas.problem(boost::json::parse(reset.data), schemas.document().at("components").at("schemas").at("Reset")),
      "");
  tell(served.gateway(), "next");
  EXPECT_THAT(stages_of(again.events(2)), testing::ElementsAre("next"));
  Reader behind_reset(served.endpoint(), "", reset.id);
  EXPECT_THAT(stages_of(behind_reset.events(1)), testing::ElementsAre("next"));
}

TEST(Feed, AnIdOfAnotherProcessOrNonsenseIsAnsweredByAReset) {
  Served served;
  for (const char* id : {"000000000000-1", "nonsense", "-", "18446744073709551616"}) {
    Reader reader(served.endpoint(), "", id);
    EXPECT_EQ(reader.events(1).front().event, "reset") << id;
  }
  std::string foreign;
  {
    Served other;
    Reader reader(other.endpoint());
    until_heard(other, reader);
    foreign = reader.events().front().id;
  }
  Reader reader(served.endpoint(), "", foreign);
  EXPECT_EQ(reader.events(1).front().event, "reset");
}

TEST(Feed, OfAnotherThreadGoesOnBehindTheIdsOfTheFirst) {
  Gateway gateway;
  ServiceOptions options;  // one boot id for both
  options.endpoint.path = fresh_folder() + "/one.sock";
  Service one(gateway, options);
  options.endpoint.path = fresh_folder() + "/two.sock";
  Service two(gateway, options);
  std::string last;
  {
    Reader reader(one.endpoint());
    wait_for([&] {
      tell(gateway, "are you there");
      return !reader.events().empty();
    });
    last = reader.events().back().id;
  }
  for (int round = 0; round < 20; ++round) {
    const std::string stage = std::to_string(round);
    tell(gateway, stage);
    Reader reader(round % 2 == 0 ? two.endpoint() : one.endpoint(), "", last);
    wait_for([&] { return !stages_of(reader.events()).empty() && stages_of(reader.events()).back() == stage; });
    for (const net::SseEvent& each : reader.events())
      EXPECT_EQ(each.event, "stage.started");
    EXPECT_EQ(std::ranges::count(stages_of(reader.events()), stage), 1);
    last = reader.events().back().id;
  }
}

TEST(Feed, ANumberFarAheadOrOfAFeedThatHasHeardNothingIsAnsweredByAReset) {
  ServiceOptions options;
  options.events_kept = 100;
  options.boot = "b";
  Served served(Served::with_providers(), options);
  EXPECT_EQ(Reader(served.endpoint(), "", "b-5").events(1).front().event, "reset");
  tell(served.gateway(), "first");
  served.get("/health/live");
  EXPECT_EQ(Reader(served.endpoint(), "", "b-5000").events(1).front().event, "reset");
}

TEST(Feed, AReaderThatTakesNothingIsDroppedWithAResetAndDelaysNobody) {
  ServiceOptions options;
  options.events_kept = 16;
  Served served(Served::with_providers(), options);
  Slow slow(served.endpoint().path);
  EXPECT_THAT(slow.read_until("\n\n"), HasSubstr("200 OK"));
  // Far more than the kernel holds back for it.
  const std::string long_name(60'000, 'x');
  for (int i = 0; i < 200; ++i)
    tell(served.gateway(), long_name);
  EXPECT_EQ(served.get("/health/live").status, 200);
  const std::string rest = slow.read_until("0\r\n\r\n");
  EXPECT_THAT(rest.substr(rest.size() > 600 ? rest.size() - 600 : 0), HasSubstr("event: reset"));
  EXPECT_LT(rest.size(), 200 * long_name.size());
}

TEST(Feed, SendsCommentsWhileNothingHappens) {
  ServiceOptions options;
  options.feed_comment_time = 1ms;
  Served served(Served::with_providers(), options);
  Slow quiet(served.endpoint().path);
  quiet.read_until(": \n");
  quiet.read_until(": \n");
  EXPECT_THAT(quiet.read_until("id: "), HasSubstr(": \n"));
}

TEST(Feed, EndsAtOnceWhenTheServiceStops) {
  Served served;
  Reader one(served.endpoint()), two(served.endpoint());
  until_heard(served, one);
  until_heard(served, two);
  served.service().stop();
  EXPECT_EQ(one.outcome(), Errc::truncated);
  EXPECT_EQ(two.outcome(), Errc::truncated);
}

TEST(Feed, FiftyAtOnceHearTheSame) {
  Served served;
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 50; ++i)
    readers.push_back(std::make_unique<Reader>(served.endpoint()));
  for (const auto& each : readers)
    until_heard(served, *each);
  for (const char* stage : {"a", "b", "c"})
    tell(served.gateway(), stage);
  for (const auto& each : readers) {
    wait_for([&] {
      const std::vector<std::string> heard = stages_of(each->events());
      return !heard.empty() && heard.back() == "c";
    });
    const std::vector<std::string> stages = stages_of(each->events());
    EXPECT_THAT(std::vector(stages.end() - 3, stages.end()), testing::ElementsAre("a", "b", "c"));
  }
}

TEST(Feed, AReaderThatLeavesIsForgotten) {
  Served served;
  for (int i = 0; i < 20; ++i) {
    Reader reader(served.endpoint());
    until_heard(served, reader);
    reader.stop();
    EXPECT_EQ(reader.outcome(), Errc::cancelled);
  }
  EXPECT_EQ(served.get("/health/live").status, 200);
}

}  // namespace
}  // namespace holdfast::control
