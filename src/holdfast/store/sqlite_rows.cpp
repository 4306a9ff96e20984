#include "holdfast/store/sqlite_rows.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace holdfast::store {
namespace {

namespace json = boost::json;

constexpr std::uint64_t items_max = 1'000'000;  // a damaged row must not fill the memory

/// What was not written by this program is nothing: `verify` finds it.
std::vector<std::string> as_list(std::string_view text) {
  std::vector<std::string> out;
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array()) return out;
  for (const json::value& each : value.get_array()) {
    if (each.is_string()) out.emplace_back(each.get_string());
  }
  return out;
}

std::optional<WallTime> optional_time(const Query& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return as_time(row.number(column));
}

std::optional<std::uint64_t> optional_size(const Query& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.size(column);
}

ProviderLock lock_row(const Query& row, const std::string& job_id) {
  return {.job_id = job_id,
          .provider_name = row.text(1),
          .provider_type = row.text(2),
          .correlation_id = row.text(3),
          .overridable = row.number(4) != 0,
          .stages = as_list(row.view(5)),
          .except_stages = as_list(row.view(6)),
          .state = enum_named(row.view(7), LockState::ended),
          .locked_at = as_time(row.number(8)),
          .ended_at = optional_time(row, 9),
          .reason = row.text(10),
          .epoch = row.size(11)};
}

FallbackDecision decision_row(const Query& row, const std::string& job_id) {
  return {.job_id = job_id,
          .timestamp = as_time(row.number(1)),
          .from_provider = row.text(2),
          .to_provider = row.text(3),
          .reason_code = reason_from_name(row.view(4)).value_or(ReasonCode::legacy_auto),
          .elapsed_before_switch = milliseconds(row.number(5)),
          .user_confirmed = row.number(6) != 0,
          .affected_stages = as_list(row.view(7)),
          .correlation_id = row.text(8),
          .additional_context = row.text(9),
          .decided_by = row.text(10),
          .operation_id = row.text(11),
          .ask = static_cast<int>(row.number(12)),
          .consent_id = row.text(13)};
}

constexpr const char* select_locks =
    "SELECT seq, provider, type, correlation, overridable, stages, except_stages, state, locked_at, ended_at, reason, "
    "epoch, ended_epoch FROM locks WHERE job = ? ORDER BY seq";
constexpr const char* select_decisions =
    "SELECT seq, time, from_provider, to_provider, reason, elapsed_ms, user_confirmed, stages, correlation, context, "
    "decided_by, operation, ask, consent, moves_to FROM decisions WHERE job = ? ORDER BY seq";
constexpr const char* select_answers =
    "SELECT seq, stage, provider_name, operation, correlation, ask, kind, option, provider, given_by, door, note, "
    "recorded FROM answers WHERE job = ? ORDER BY seq";

constexpr const char* select_consents =
    "SELECT seq, id, on_error, minimum_silence_ms, switch_to, type, given_by FROM consents WHERE job = ? ORDER BY seq";

StandingConsent consent_row(const Query& row) {
  return {.id = row.text(1),
          .when = row.number(2) != 0 ? StandingConsent::When::error : StandingConsent::When::stall,
          .minimum_silence = milliseconds(row.number(3)),
          .switch_to = row.text(4),
          .provider_type = row.text(5),
          .given_by = row.text(6)};
}

Stage stage_row(const Query& row) {
  return {.row = {.stage_name = row.text(0),
                  .state = enum_named(row.view(1), StageState::cancelled),
                  .items = row.size(4),
                  .items_done = row.size(5),
                  .artifacts = {}},
          .planned = row.number(2) != 0,
          .finished = row.number(3) != 0};
}

}  // namespace

std::string list_text(const std::vector<std::string>& list) {
  if (list.empty()) return "[]";
  json::array out;
  for (const std::string& each : list)
    out.emplace_back(each);
  return json::serialize(out);
}

std::optional<std::int64_t> chain_key(Database& database, const std::string& job_id) {
  Query query = database.query("SELECT job FROM chains WHERE id = ?", job_id);
  if (!query.row()) return std::nullopt;
  return query.number(0);
}

std::vector<ProviderLock> read_locks(Database& database, std::int64_t key, const std::string& job_id) {
  std::vector<ProviderLock> out;
  for (Query query = database.query(select_locks, key); query.row();)
    out.push_back(lock_row(query, job_id));
  return out;
}

std::vector<FallbackDecision> read_decisions(Database& database, std::int64_t key, const std::string& job_id) {
  std::vector<FallbackDecision> out;
  for (Query query = database.query(select_decisions, key); query.row();)
    out.push_back(decision_row(query, job_id));
  return out;
}

Consequences read_consequences(Database& database, std::int64_t key, const std::string& job_id) {
  Consequences out;
  for (Query query = database.query(select_locks, key); query.row();)
    out.locks.emplace(query.size(0), LockKept{lock_row(query, job_id), optional_size(query, 12)});
  for (Query query = database.query(select_decisions, key); query.row();)
    out.decisions.emplace(query.size(0), DecisionKept{decision_row(query, job_id), optional_size(query, 14)});
  for (Query query = database.query(select_answers, key); query.row();) {
    out.answers.emplace(query.size(0), QuestionAnswered{.job_id = job_id,
                                                        .stage_name = query.text(1),
                                                        .provider_name = query.text(2),
                                                        .operation_id = query.text(3),
                                                        .correlation_id = query.text(4),
                                                        .ask = static_cast<int>(query.number(5)),
                                                        .kind = enum_named(query.view(6), QuestionKind::interrupted),
                                                        .option = query.text(7),
                                                        .provider = query.text(8),
                                                        .by = query.text(9),
                                                        .door = query.text(10),
                                                        .note = query.text(11),
                                                        .recorded = query.number(12) != 0});
  }
  for (Query query = database.query(select_consents, key); query.row();)
    out.consents.emplace(query.size(0), ConsentGiven{job_id, consent_row(query)});
  return out;
}

std::vector<StandingConsent> read_consents(Database& database, std::int64_t key) {
  std::vector<StandingConsent> out;
  for (Query query = database.query(select_consents, key); query.row();)
    out.push_back(consent_row(query));
  return out;
}

std::vector<Stage> read_stages(Database& database, std::int64_t key) {
  std::vector<Stage> out;
  for (Query query = database.query(
           "SELECT name, state, planned, finished, items, items_done FROM stages WHERE job = ? ORDER BY place", key);
       query.row();)
    out.push_back(stage_row(query));
  for (Stage& stage : out) {
    Query query = database.query("SELECT item, artifact FROM stage_items WHERE job = ? AND stage = ? ORDER BY item",
                                 key, stage.row.stage_name);
    while (query.row()) {
      if (query.size(0) == 0 || query.size(0) > items_max) continue;
      stage.row.artifacts.resize(query.size(0));
      stage.row.artifacts.back() = query.text(1);
    }
  }
  return out;
}

std::optional<Stage> read_stage(Database& database, std::int64_t key, std::string_view name) {
  Query query = database.query(
      "SELECT name, state, planned, finished, items, items_done FROM stages WHERE job = ? AND name = ?", key, name);
  if (!query.row()) return std::nullopt;
  return stage_row(query);
}

std::shared_ptr<const JobPlan> read_plan(Database& database, std::int64_t key) {
  Query query = database.query("SELECT file, text, out, stages, inputs FROM job_plans WHERE job = ?", key);
  if (!query.row()) return nullptr;
  auto plan = std::make_shared<JobPlan>(JobPlan{.file = query.text(0), .text = query.text(1), .out = query.text(2)});
  const std::vector<std::string> stages = as_list(query.view(3)), inputs = as_list(query.view(4));
  for (std::size_t i = 0; i + 2 < stages.size(); i += 3)
    plan->stages.push_back({stages[i], stages[i + 1], stages[i + 2]});
  for (std::size_t i = 0; i + 1 < inputs.size(); i += 2)
    plan->inputs.emplace_back(inputs[i], inputs[i + 1]);
  return plan;
}

void write_plan(Database& database, std::int64_t key, const JobPlan& plan) {
  std::vector<std::string> stages, inputs;  // flat: three texts a stage, two an input
  for (const StagePlan& each : plan.stages)
    stages.insert(stages.end(), {each.name, each.kind, each.fingerprint});
  for (const auto& [name, hash] : plan.inputs)
    inputs.insert(inputs.end(), {name, hash});
  const std::string stages_text = list_text(stages), inputs_text = list_text(inputs);
  database.run("INSERT OR REPLACE INTO job_plans(job, file, text, out, stages, inputs) VALUES(?,?,?,?,?,?)", key,
               plan.file, plan.text, plan.out, stages_text, inputs_text);
}

std::optional<Owner> read_owner(Database& database, std::int64_t writer) {
  Query query =
      database.query("SELECT pid, start_time, boot_id, socket, program FROM writers WHERE writer = ?", writer);
  if (!query.row()) return std::nullopt;
  return Owner{.pid = query.number(0),
               .start_time = query.size(1),
               .boot_id = query.text(2),
               .socket = query.text(3),
               .program = query.text(4)};
}

AuditRecord audit_row(const Query& row, const std::string& job_id) {
  return {.seq = row.size(0),
          .time = as_time(row.number(1)),
          .kind = row.text(2),
          .job_id = job_id,
          .data = row.text(3),
          .previous = row.text(4),
          .hash = row.text(5)};
}

std::optional<AuditRecord> read_record(Database& database, std::int64_t key, const std::string& job_id,
                                       std::uint64_t seq) {
  Query query =
      database.query("SELECT seq, time, kind, data, previous, hash FROM audit WHERE job = ? AND seq = ?", key, seq);
  if (!query.row()) return std::nullopt;
  return audit_row(query, job_id);
}

}  // namespace holdfast::store
