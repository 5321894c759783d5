#include "pipeline/first_error.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "pipeline/workers.h"

namespace restored::pipeline {
namespace {

TEST(FirstErrorTest, FirstOneWinsAndStops) {
  FirstError first_error({});
  EXPECT_FALSE(first_error.stopped());
  EXPECT_TRUE(first_error.result().has_value());
  first_error.record({ErrorCode::no_space, "first", {}});
  first_error.record({ErrorCode::cancelled, "echo", {}});
  EXPECT_TRUE(first_error.token().stop_requested());
  ASSERT_FALSE(first_error.result().has_value());
  EXPECT_EQ(first_error.result().error().code, ErrorCode::no_space);
}

TEST(FirstErrorTest, OuterStopIsCancelled) {
  std::stop_source outer;
  FirstError first_error(outer.get_token());
  outer.request_stop();
  EXPECT_TRUE(first_error.stopped());
  EXPECT_EQ(first_error.result().error().code, ErrorCode::cancelled);
}

TEST(FirstErrorTest, OuterStopBeforeTheBeginningCountsToo) {
  std::stop_source outer;
  outer.request_stop();
  FirstError first_error(outer.get_token());
  EXPECT_EQ(first_error.result().error().code, ErrorCode::cancelled);
}

TEST(WorkersTest, ErrorsAndExceptionsOfThreadsAreRecorded) {
  FirstError of_error({});
  {
    Workers workers(of_error);
    workers.start("test", 3, [] { return Result<void>(fail(ErrorCode::io_error, "broken")); });
  }
  EXPECT_EQ(of_error.result().error().code, ErrorCode::io_error);

  FirstError of_exception({});
  {
    Workers workers(of_exception);
    workers.start("test", 1, []() -> Result<void> { throw std::runtime_error("thrown"); });
  }
  EXPECT_EQ(of_exception.result().error().code, ErrorCode::internal);
  EXPECT_NE(of_exception.result().error().message.find("thrown"), std::string::npos);
}

}  // namespace
}  // namespace restored::pipeline
