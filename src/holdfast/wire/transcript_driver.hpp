#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/wire/answer.hpp"
#include "holdfast/wire/assembly.hpp"

/// For tests: answers as data. In `testdata/*.txt` each begins with `=== its name`, has lines `key: value` up to `---`,
/// and then its bytes, up to the next. Keys:
///
///   route     method and path                          framing   sse, ndjson, whole, bytes
///   status    200 unless said                          ends      lf (unless said), crlf, cr: what ends its lines
///   server    openai, anthropic, llama: whose it is    request   the body that is answered so
///   last      open: without its line ends at the end   bytes     escaped: \xNN is a byte
///   expected: progress (or "bytes"), percent, text, stop, unreadable, sequence, ended (yes unless there is a fault),
///   boundary (yes unless said), fault (CLASS STATUS CODE MESSAGE; - is an empty code)
namespace holdfast::wire {

struct Transcript {
  std::string name{};
  std::map<std::string, std::string> keys{};
  std::string bytes{};

  std::string get(const std::string& key, const std::string& otherwise = "") const {
    const auto found = keys.find(key);
    return found == keys.end() ? otherwise : found->second;
  }
  Route route() const {
    const std::string said = get("route");
    const std::size_t blank = said.find(' ');
    const auto route = route_of(said.substr(0, blank), said.substr(blank + 1), false);
    EXPECT_TRUE(route) << name;
    return route.value_or(Route{});
  }
  Framing framing() const {
    static const std::map<std::string, Framing> names = {
        {"sse", Framing::sse}, {"ndjson", Framing::ndjson}, {"whole", Framing::whole}, {"bytes", Framing::bytes}};
    return names.at(get("framing"));
  }
  Server server() const {
    static const std::map<std::string, Server> names = {
        {"", Server::unknown}, {"openai", Server::openai}, {"anthropic", Server::anthropic}, {"llama", Server::llama}};
    return names.at(get("server"));
  }
  int status() const { return std::stoi(get("status", "200")); }
};

inline void finish_transcript(Transcript& transcript) {
  if (transcript.get("last") == "open") transcript.bytes.erase(transcript.bytes.find_last_not_of('\n') + 1);
  const std::string ends = transcript.get("ends", "lf");
  std::string out;
  for (std::size_t at = 0; at < transcript.bytes.size(); ++at) {
    const char c = transcript.bytes[at];
    if (c == '\n' && ends != "lf") {
      out += ends == "cr" ? "\r" : "\r\n";
    } else if (c == '\\' && transcript.get("bytes") == "escaped" && transcript.bytes.at(at + 1) == 'x') {
      out += static_cast<char>(std::stoi(transcript.bytes.substr(at + 2, 2), nullptr, 16));
      at += 3;
    } else {
      out += c;
    }
  }
  transcript.bytes = out;
}

inline std::vector<Transcript> transcripts(const std::string& file) {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/src/holdfast/wire/testdata/" + file);
  std::vector<Transcript> all;
  bool head = true;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      if (!all.empty()) finish_transcript(all.back());
      all.push_back({.name = file + ": " + line.substr(4)});
      head = true;
    } else if (all.empty()) {
      continue;
    } else if (line == "---") {
      head = false;
    } else if (head) {
      const std::size_t colon = line.find(':');
      const std::string value = line.substr(colon + 1);
      all.back().keys[line.substr(0, colon)] = value.empty() ? value : value.substr(1);
    } else {
      all.back().bytes += line + "\n";
    }
  }
  if (!all.empty()) finish_transcript(all.back());
  return all;
}

inline std::vector<Transcript> all_transcripts() {
  std::vector<Transcript> all;
  for (const char* file : {"openai.txt", "anthropic.txt", "ollama.txt"}) {
    for (Transcript& each : transcripts(file))
      all.push_back(std::move(each));
  }
  return all;
}

/// Streams, and the documents that the same requests get whole.
inline std::vector<Transcript> assembled_transcripts() {
  std::vector<Transcript> all = transcripts("assembly.txt");
  for (Transcript& each : transcripts("exact.txt"))
    all.push_back(std::move(each));
  return all;
}

}  // namespace holdfast::wire
