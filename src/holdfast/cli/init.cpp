#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>

#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/jobs/job_file.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.flush();
  if (!out) throw Error(Errc::config, file.string() + " cannot be written: " + std::strerror(errno));
}

}  // namespace

Exit init_command(const InitArguments& arguments, std::ostream& out) {
  std::error_code error;
  fs::create_directories(arguments.folder, error);
  if (error) throw Error(Errc::config, arguments.folder.string() + " cannot be made: " + error.message());
  const fs::path job = arguments.folder / "job.toml", config = arguments.folder / "holdfast.toml";
  if (!arguments.force) {
    for (const fs::path& each : {job, config}) {
      if (fs::exists(fs::symlink_status(each, error))) {
        throw Error(Errc::invalid_argument, each.string() + " is there already: --force writes over it");
      }
    }
  }
  write(job, job_template());
  write(config, config_template());
  const auto xdg = process_environment()("XDG_CONFIG_HOME");
  const fs::path home = xdg && fs::path(*xdg).is_absolute() ? fs::path(*xdg) : fs::path("~/.config");
  out << "wrote " << job.string() << "       a job to start from: holdfast run " << shell_quoted(job.string()) << "\n"
      << "wrote " << config.string() << "  the configuration, all of it commented out; it is read by --config, by\n"
      << "  HOLDFAST_CONFIG or from " << harmless((home / "holdfast" / "holdfast.toml").string())
      << ", never from the working folder\n";
  return Exit::done;
}

}  // namespace holdfast::cli
