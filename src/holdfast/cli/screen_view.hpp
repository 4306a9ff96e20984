#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/screen/board.hpp"
#include "holdfast/cli/screen/dialog.hpp"
#include "holdfast/cli/screen/screen.hpp"
#include "holdfast/cli/tty/terminal.hpp"
#include "holdfast/cli/view.hpp"

namespace holdfast::cli {

/// The job live on a terminal; questions answered by keys.
class ScreenView : public View {
 public:
  ScreenView(Board board, Style style, bool prompts_stalls, JobControl control);

  void hear(const Notice& notice, milliseconds at) override;
  void begin(const JobRow& job, const std::vector<api::OperationView>& operations, milliseconds at) override;
  void watch(std::vector<api::OperationView> operations, milliseconds at) override;
  int input() const override { return terminal_.gone() ? -1 : terminal_.input(); }
  void input_ready(milliseconds at) override;
  void interrupted(milliseconds at) override;
  void hung_up() override { terminal_.set_gone(); }
  void resized(milliseconds at) override { paint(at); }
  void finished(milliseconds at) override;
  bool live() const override { return true; }

 private:
  void look(milliseconds at);
  void paint(milliseconds at);
  void press(Key key, milliseconds at);
  void send(Answer answer, milliseconds at);

  Board board_;
  Dialog dialog_;
  Style style_;
  JobControl control_;
  Terminal terminal_;
  milliseconds painted_at_{-1000};
};

}  // namespace holdfast::cli
