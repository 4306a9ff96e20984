#include "holdfast/cli/line/examples.hpp"

#include <algorithm>
#include <array>

namespace holdfast::cli {
namespace {

struct Row {
  std::string_view command, examples;
};

// clang-format off
constexpr std::array rows = {
Row{"", R"(
Examples:
  holdfast init                                        a commented job.toml and holdfast.toml to start from
  holdfast run job.toml                                run it, live on the terminal
  holdfast run job.toml --input article=@README.md     with a text of your own
  holdfast run job.toml --dry-run                      what it would do, and everything that is wrong with it
  holdfast run job.toml --resume film-k3f9q2           go on where that run ended
  holdfast jobs                                        what ran, what runs, what waits for an answer
  holdfast watch film-k3f9q2                           the same screen, in another terminal
  holdfast answer                                      the open questions, and how to answer them
  holdfast audit verify                                whether the record is whole and unchanged
  holdfast profiles Ollama --patience longForm         how long Ollama may take
  holdfast providers --check                           who can serve a stage here, and what is missing
  holdfast serve                                       a proxy that waits, for any OpenAI, Anthropic or Ollama client
  holdfast doctor                                      whether this machine has what it takes

Exit status: 0 done, 1 the job failed, 2 usage or configuration, 3 refused by policy, 4 cancelled,
5 store or the job's process unreachable.

Environment: HOLDFAST_CONFIG, HOLDFAST_STORE as --config, --store; HOLDFAST_URL, HOLDFAST_TOKEN a daemon to ask in place
of the store, and what it knows you by; NO_COLOR.
)"},
Row{"run", R"(
Examples:
  holdfast run job.toml --input article=@notes.md --out film
  holdfast run job.toml --provider tts-synthesis=Piper --patience longForm
  holdfast run job.toml --consent 'stall after 10m: switch to Piper' --consent 'error: cancel'
  holdfast run job.toml --json | jq 'select(.event == "stage.finished")'

On a terminal a suspected stall is a question, answered by a key; no answer means: keep waiting. Without a terminal
it is printed with the command that answers it from another one; or decide in advance with --on-stall or --consent.
)"},
Row{"serve", R"(
Examples:
  holdfast serve                                       then point an SDK at http://127.0.0.1:7411/v1
  holdfast serve --config holdfast.toml --listen 127.0.0.1:0
  curl http://127.0.0.1:7411/jobs/film/v1/chat/completions -H 'Content-Type: application/json' \
    -d '{"model": "…", "messages": […]}'

The first SIGTERM lets what runs end; the second ends it. SIGHUP reads the configuration again.
)"},
Row{"answer", R"(
Examples:
  holdfast answer                                      the open questions of all running jobs
  holdfast answer op-01K… continue_5m
  holdfast answer op-01K… try_alternative --provider Piper --confirm
  holdfast answer op-01K… cancel_job --confirm
)"},
Row{"audit", R"(
Examples:
  holdfast audit show film-k3f9q2
  holdfast audit verify                                exit status 1 where something was changed
  holdfast audit export > trail.jsonl
  holdfast audit verify --file trail.jsonl
)"},
Row{"init", R"(
Examples:
  holdfast init                                        here
  holdfast init ~/.config/holdfast                     the configuration where it is found
  holdfast init film --force                           over what is there
)"},
Row{"token", R"(
Examples:
  holdfast token --name ana --scopes proxy,answer
  holdfast token --name ci --scopes read --json | jq -r .token
)"},
Row{"profiles", R"(
Examples:
  holdfast profiles                                    all providers, with the configured patience
  holdfast profiles Ollama --patience longForm
  holdfast profiles Ollama --json | jq .stallThresholdMs
)"},
Row{"providers", R"(
Examples:
  holdfast providers
  holdfast providers --check                           exit status 1 where one does not work here
  holdfast providers --config holdfast.toml --json
)"},
Row{"doctor", R"(
Examples:
  holdfast doctor
  holdfast doctor --config holdfast.toml --out film    exit status 1 where something prevents a run
)"},
Row{"version", R"(
Examples:
  holdfast version
  holdfast version --json
)"},
Row{"jobs", R"(
Examples:
  holdfast jobs --active
  holdfast jobs --limit 5 --json | jq -r '.jobs[].jobId'
  HOLDFAST_URL=https://box.example:7411 HOLDFAST_TOKEN=hf_… holdfast jobs
)"},
Row{"show", R"(
Examples:
  holdfast show film-k3f9q2
  holdfast show film-k3f9q2 --json | jq .locks
)"},
Row{"watch", R"(
Examples:
  holdfast watch                                       all running jobs
  holdfast watch film-k3f9q2                           questions are answered by a key here, too
  holdfast watch film-k3f9q2 --json | jq 'select(.event == "stall.suspected")'
)"},
Row{"history", R"(
Examples:
  holdfast history film-k3f9q2
  holdfast history film-k3f9q2 --json | jq -r '.decisions[].reasonCode'
)"},
Row{"stats", R"(
Examples:
  holdfast stats
  holdfast stats --json | jq .openQuestions
)"},
Row{"prune", R"(
Examples:
  holdfast prune --closed-before 90d                   jobs go, their record stays
  holdfast prune --closed-before 365d --with-audit
)"},
Row{"switch", R"(
Examples:
  holdfast switch film-k3f9q2 --to Piper --confirm
  holdfast switch film-k3f9q2 --to Piper --stages tts-synthesis --confirm
)"},
Row{"cancel", R"(
Examples:
  holdfast cancel film-k3f9q2 --confirm
)"},
Row{"release", R"(
Examples:
  holdfast release film-k3f9q2
)"},
};
// clang-format on

}  // namespace

std::string_view examples_of(std::string_view command) noexcept {
  const auto row = std::ranges::find(rows, command, &Row::command);
  return row == rows.end() ? std::string_view() : row->examples;
}

}  // namespace holdfast::cli
