#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/raw.hpp"

/// Inside this module: the parts of `Assembler`, one for each dialect.
namespace holdfast::wire {

/// Takes frames and keeps the first objection: with one, the document is never asked for.
class Assembly {
 public:
  virtual ~Assembly() = default;

  virtual void take(std::string_view event, const RawObject& frame) = 0;
  /// Its end marker was seen.
  virtual bool ended() const = 0;
  /// After the end. May still object.
  virtual std::string document() = 0;

  /// Empty: none.
  const std::string& objection() const { return objection_; }

 protected:
  void object(std::string why) {
    if (objection_.empty()) objection_ = std::move(why);
  }
  /// False, and an objection: there is something here whose place in the whole is not known.
  bool knows(const RawObject& object_here, std::string_view where, std::initializer_list<std::string_view> names) {
    const std::string_view other = object_here.other_than(names);
    if (!other.empty()) object(std::string(where) + " holds '" + std::string(other.substr(0, 60)) + "'");
    return other.empty();
  }

 private:
  std::string objection_;
};

/// "[a,b]"
template <class Texts>
std::string array_text(const Texts& elements) {
  std::string out = "[";
  for (const auto& each : elements) {
    if (out.size() > 1) out += ",";
    out += each;
  }
  return out + "]";
}

std::unique_ptr<Assembly> openai_chat_assembly(Server server);
std::unique_ptr<Assembly> anthropic_assembly();
std::unique_ptr<Assembly> ollama_assembly(bool chat);

}  // namespace holdfast::wire
