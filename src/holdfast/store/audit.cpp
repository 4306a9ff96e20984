#include "holdfast/store/audit.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <functional>

#include "holdfast/api/canonical.hpp"
#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/base/check.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/core/anonymous.hpp"
#include "holdfast/store/image.hpp"

namespace holdfast::store {
namespace {

namespace json = boost::json;

/// Fetched once: asking the library for the algorithm costs more than hashing a record.
struct Sha256 {
  Sha256() : algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context(EVP_MD_CTX_new()) {
    HOLDFAST_CHECK(algorithm != nullptr && context != nullptr, "libcrypto has SHA-256");
  }
  ~Sha256() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  EVP_MD* algorithm;
  EVP_MD_CTX* context;
};

/// Everything but the hash, in the order of the keys; `hash` goes between data and jobId.
std::string line(const AuditRecord& record, std::string_view hash) {
  constexpr std::size_t keys_bytes = 160;  // about what stands around the values
  std::string out;
  out.reserve(record.data.size() + record.job_id.size() + record.previous.size() + hash.size() + keys_bytes);
  out += "{\"data\":";
  out += record.data;
  const auto add = [&out](std::string_view key, std::string_view text) {
    out += key;
    api::append_canonical(text, out);
  };
  if (!hash.empty()) add(",\"hash\":", hash);
  add(",\"jobId\":", record.job_id);
  add(",\"kind\":", record.kind);
  add(",\"previous\":", record.previous);
  out += ",\"seq\":";
  out += std::to_string(record.seq);
  add(",\"time\":", rfc3339(record.time));
  out += '}';
  return out;
}

std::string shown(std::string_view hash) {
  return hash.empty() ? "nothing" : std::string(hash.substr(0, 64));
}

json::object told(const LockKept& row) {
  json::object out = api::to_json(News(LockTaken{row.lock}));
  out["endedEpoch"] = row.ended_epoch ? json::value(*row.ended_epoch) : json::value(nullptr);
  return out;
}
json::object told(const DecisionKept& row) {
  json::object out = api::to_json(News(row.decision));
  out["movesTo"] = row.moves_to ? json::value(*row.moves_to) : json::value(nullptr);
  return out;
}
json::object told(const auto& row) {
  return api::to_json(News(row));
}

template <class Row>
void compare_rows(const std::map<std::uint64_t, Row>& records, const std::map<std::uint64_t, Row>& rows,
                  const std::string& noun, ChainCheck& check) {
  for (const auto& [seq, row] : rows) {
    const auto found = records.find(seq);
    if (found == records.end()) {
      check.note(seq, noun, "a " + noun + " stands in the store that no record " + std::to_string(seq) + " tells of");
      continue;
    }
    const json::object said = told(found->second), stands = told(row);
    for (const auto& each : said) {
      if (each.key() == "text" || stands.at(each.key()) == each.value()) continue;
      check.note(seq, std::string(each.key()),
                 "the " + noun + "'s " + std::string(each.key()) + " is " +
                     api::text(stands.at(each.key())).substr(0, 200) + " in the store; the trail says " +
                     api::text(each.value()).substr(0, 200));
    }
  }
  for (const auto& [seq, record] : records) {
    if (rows.contains(seq)) continue;
    check.note(seq, noun, "record " + std::to_string(seq) + " tells of a " + noun + " that the store does not hold");
  }
}

/// Whether a job begins with a record, where none stands.
struct MakesJob {
  bool operator()(const Refused&) const { return false; }
  bool operator()(const StallSuspected&) const { return false; }
  bool operator()(const StallResolved&) const { return false; }
  bool operator()(const QuestionOpened&) const { return false; }
  bool operator()(const ConsentApplied&) const { return false; }
  bool operator()(const Cancelled&) const { return false; }
  bool operator()(const auto&) const { return true; }
};

}  // namespace

std::string sha256(std::string_view bytes) {
  thread_local const Sha256 sha;
  std::array<unsigned char, 32> digest{};
  const bool done = EVP_DigestInit_ex(sha.context, sha.algorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(sha.context, bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(sha.context, digest.data(), nullptr) == 1;
  HOLDFAST_CHECK(done, "hashing memory does not fail");
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (const unsigned char byte : digest) {
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

std::string hashed_text(const AuditRecord& record) {
  return line(record, "");
}
std::string record_line(const AuditRecord& record) {
  return line(record, record.hash);
}
std::string hash_of(const AuditRecord& record) {
  return sha256(hashed_text(record));
}

bool is_anonymous(std::string_view trail) {
  return trail.starts_with(anonymous_prefix);
}
std::string anonymous_day(WallTime day) {
  return std::string(anonymous_prefix) + rfc3339(day).substr(0, 10) + "/";
}
std::string anonymous_trail(WallTime day, std::string_view last, std::uint64_t count) {
  constexpr std::size_t digits = 5;
  std::uint64_t number = 0;
  if (last.size() > digits) std::from_chars(last.end() - digits, last.end(), number);
  if (number == 0 || (count >= anonymous_records_max && number < 99999)) ++number;
  const std::string text = std::to_string(number);
  return anonymous_day(day) + std::string(digits - text.size(), '0') + text;
}

AuditRecord make_record(std::string previous, std::uint64_t seq, WallTime time, const News& news,
                        const std::string& trail) {
  json::object data = api::to_json(news);
  if (const auto operation = api::operation_of(news); !operation.empty()) data["operationId"] = operation;
  AuditRecord record{.seq = seq,
                     .time = time,
                     .kind = std::string(event_name(news)),
                     .job_id = trail.empty() ? job_of(news) : trail,
                     .data = api::canonical(data),
                     .previous = std::move(previous),
                     .hash = {}};
  record.hash = hash_of(record);
  return record;
}

result<News> decode(const AuditRecord& record) {
  boost::system::error_code error;
  const json::value value = json::parse(record.data, error);
  const json::object* data = error ? nullptr : value.if_object();
  if (data == nullptr) return Failure{Errc::invalid_argument, record.kind + ": key 'data' is no JSON object"};
  std::string_view operation;
  if (const json::value* id = data->if_contains("operationId"); id != nullptr && id->is_string()) {
    operation = id->get_string();
  }
  const std::string& job = record.job_id;
  return api::news_from_json(record.kind, is_anonymous(job) ? std::string_view() : job, operation, *data);
}

void ChainCheck::note(std::uint64_t seq, std::string field, std::string message) {
  if (report_.findings.size() >= findings_max) return;
  report_.findings.push_back({job_id_, seq, std::move(field), std::move(message)});
}

std::optional<News> ChainCheck::next(const AuditRecord& record) {
  ++seen_;
  ++report_.records;
  const std::uint64_t expected = last_seq_ + 1;
  const std::string number = std::to_string(record.seq);
  if (record.seq == last_seq_) {
    note(record.seq, "seq", "record " + number + " stands there twice");
  } else if (record.seq < expected) {
    note(record.seq, "seq",
         "record " + number + " stands behind record " + std::to_string(last_seq_) + ": the order was changed");
  } else if (record.seq > expected) {
    const std::string gap = record.seq == expected + 1 ? "record " + std::to_string(expected) + " is"
                                                       : "records " + std::to_string(expected) + " to " +
                                                             std::to_string(record.seq - 1) + " are";
    note(record.seq, "seq", gap + " missing in front of record " + number);
  }
  if (record.previous != last_hash_) {
    note(record.seq, "previous",
         "record " + number + " follows " + shown(record.previous) + "; in front of it stands " + shown(last_hash_));
  }
  const std::string hash = hash_of(record);
  if (record.hash != hash) {
    note(record.seq, "hash",
         "record " + number + " was changed: its hash is " + shown(record.hash) + ", what it says gives " + hash);
  }
  last_seq_ = record.seq;
  last_hash_ = record.hash;
  auto said = decode(record);
  if (said) return std::move(*said);
  note(record.seq, "data", "record " + number + ": " + said.error().message);
  return std::nullopt;
}

void ChainCheck::end(std::uint64_t count, std::string_view last_hash) {
  ++report_.jobs;
  if (count != seen_) {
    note(0, "count",
         "the job has " + std::to_string(count) + " records by its own count; " + std::to_string(seen_) + " are there" +
             (seen_ < count && last_seq_ < count ? ": the end was cut off" : ""));
  }
  if (last_hash != last_hash_) {
    note(0, "lastHash",
         "the job's last record has the hash " + shown(last_hash) + " by its own row; the last that is there has " +
             shown(last_hash_));
  }
}

void ChainCheck::end_unknown() {
  note(0, "count", "the job's own row is gone: nothing says how many records there were");
}

void Beginnings::add(std::uint64_t seq, const News& record) {
  if (!std::visit(MakesJob{}, record)) return;
  if (jobs_.empty() || may_be_pruned()) jobs_.push_back({.seq = seq});
  if (const auto* taken = std::get_if<LockTaken>(&record)) return follow(taken->lock.epoch);
  if (const auto* ended = std::get_if<LockEnded>(&record)) return follow(ended->epoch);
  const auto* closed = std::get_if<JobClosed>(&record);
  if (closed == nullptr && !std::holds_alternative<JobOpened>(record)) return;
  for (Job& each : jobs_)
    each.state = closed != nullptr ? closed->state : JobState::running;
}

void Beginnings::follow(std::uint64_t epoch) {
  // Locks that change together share an epoch; behind a beginning there was no change yet.
  const bool changed = jobs_.back().epoch != 0;
  const auto fits = [&](const Job& each) { return epoch == each.epoch + 1 || (changed && epoch == each.epoch); };
  if (std::ranges::any_of(jobs_, fits)) std::erase_if(jobs_, std::not_fn(fits));
  for (Job& each : jobs_)
    each.epoch = epoch;
}

const Beginnings::Job* Beginnings::find(std::uint64_t seq) const {
  const auto found = std::ranges::find(jobs_, seq, &Job::seq);
  return found == jobs_.end() ? nullptr : &*found;
}

bool Beginnings::may_be_pruned() const {
  return std::ranges::any_of(jobs_, [](const Job& each) { return is_over(each.state); });
}

void Consequences::add(std::uint64_t seq, const News& record) {
  if (const auto* taken = std::get_if<LockTaken>(&record)) {
    locks.emplace(seq, LockKept{taken->lock});
    epoch = taken->lock.epoch;
  } else if (const auto* ended = std::get_if<LockEnded>(&record)) {
    epoch = ended->epoch;
    for (auto& [taken_at, kept] : locks) {
      const ProviderLock& lock = kept.lock;
      if (lock.active() && lock.epoch == ended->lock.epoch && lock.governed() == ended->lock.governed()) {
        kept = {ended->lock, ended->epoch};
        return;
      }
    }
  } else if (const auto* answered = std::get_if<QuestionAnswered>(&record)) {
    answers.emplace(seq, *answered);
  } else if (const auto* decision = std::get_if<FallbackDecision>(&record)) {
    const bool may_move = decision->user_confirmed && decision->reason_code != ReasonCode::legacy_auto;
    decisions.emplace(seq, DecisionKept{*decision, may_move ? std::optional(epoch + 1) : std::nullopt});
  } else if (const auto* given = std::get_if<ConsentGiven>(&record)) {
    consents.emplace(seq, *given);
  } else if (const auto* applied = std::get_if<ConsentApplied>(&record)) {
    const auto is_it = [&](const auto& each) { return each.second.consent == applied->consent; };
    if (std::ranges::none_of(consents, is_it)) unfounded.emplace(seq, *applied);
  } else if (const auto* opened = std::get_if<JobOpened>(&record)) {
    if (!opened->resumed) consents.clear();
  }
}

void compare(const Consequences& records, const Consequences& rows, ChainCheck& check) {
  compare_rows(records.locks, rows.locks, "lock", check);
  compare_rows(records.answers, rows.answers, "answer", check);
  compare_rows(records.decisions, rows.decisions, "decision", check);
  compare_rows(records.consents, rows.consents, "consent", check);
  for (const auto& [seq, applied] : records.unfounded) {
    check.note(seq, "consent",
               "record " + std::to_string(seq) +
                   " applies a consent that no record in front of it gives: " + applied.consent.text().substr(0, 200));
  }
}

}  // namespace holdfast::store
