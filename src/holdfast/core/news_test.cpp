#include "holdfast/core/news.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(News, ThatIsOnlyToldIsNoRecord) {
  for (const News& told : std::vector<News>{CategoryChanged{}, OperationProgress{}, QuestionClosed{},
                                            ProviderHardError{}, StageStarted{}, OperationStarted{.queued = true}}) {
    EXPECT_FALSE(is_record(told)) << event_name(told);
  }
  EXPECT_TRUE(is_record(OperationStarted{}));
  EXPECT_TRUE(is_record(StageFinished{}));
}

TEST(News, HasTheNameUnderWhichItIsAnnounced) {
  EXPECT_EQ(event_name(OperationProgress{}), "operation.progress");
  EXPECT_EQ(event_name(StageStarted{}), "stage.started");
  EXPECT_EQ(event_name(ProviderHardError{}), "provider.hard_error");
}

TEST(News, KnowsItsJobWhereverThatStands) {
  for (const News& news : std::vector<News>{StageStarted{.job_id = "job"}, StageFinished{{.job_id = "job"}},
                                            LockTaken{{.job_id = "job"}}, LockEnded{.lock = {.job_id = "job"}},
                                            QuestionOpened{{.job_id = "job"}}, Cancelled{.job_id = "job"}}) {
    EXPECT_EQ(job_of(news), "job") << event_name(news);
  }
}

}  // namespace
}  // namespace holdfast
