#include <fmt/core.h>
#include <spdlog/version.h>
#include <utf8proc.h>

#include <boost/version.hpp>
#include <ostream>

#include "holdfast/api/json.hpp"
#include "holdfast/cli/commands.hpp"

namespace holdfast::cli {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#else
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

std::string numbered(const std::string& library, int version, int major, int minor) {
  return library + " " + std::to_string(version / major) + "." + std::to_string(version / minor % (major / minor)) +
         "." + std::to_string(version % minor);
}

std::vector<std::string> libraries() {
  return {numbered("Boost", BOOST_VERSION, 100000, 100), numbered("fmt", FMT_VERSION, 10000, 100),
          numbered("spdlog", SPDLOG_VERSION, 10000, 100), argument_library(),
          std::string("utf8proc ") + utf8proc_version()};
}

}  // namespace

Exit version_command(const VersionArguments& arguments, std::ostream& out) {
  if (arguments.json) {
    boost::json::array names;
    for (const std::string& each : libraries())
      names.emplace_back(each);
    out << api::text(boost::json::object{
               {"version", HOLDFAST_VERSION}, {"compiler", compiler()}, {"libraries", std::move(names)}})
        << "\n";
    return Exit::done;
  }
  out << "holdfast " << HOLDFAST_VERSION << "\n" << compiler() << "\n";
  for (const std::string& each : libraries())
    out << each << "\n";
  return Exit::done;
}

}  // namespace holdfast::cli
