// Times of a query: RFC 3339, with any offset from UTC.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"

namespace restored::control {
namespace {

using OffsetTest = ControlTest;

TEST_F(OffsetTest, TimesOfAQueryMayHaveAnOffset) {
  const DatabaseId database = make_database("orders");
  const std::string usage = "/v1/databases/" + database.value + "/usage?startDate=";
  for (const char* start : {"2026-01-01T00:00:00Z", "2026-01-01T05:30:00%2B05:30",
                            "2026-01-01T05:30:00+05:30", "2025-12-31T16:00:00-08:00"}) {
    const HttpAnswer answer = get(usage + start);
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.word("period.start"), "2026-01-01T00:00:00.000Z") << start;
  }
  expect_error(get(usage + "2026-01-01T00:00:00+24:00"), 400, "invalid-request");
  expect_error(get(usage + "2026-01-01T00:00:00"), 400, "invalid-request");
  expect_error(get(usage + "1970-01-01T00:00:00+00:01"), 400, "invalid-request");
  post("/v1/databases", R"({"name":"audited"})");
  EXPECT_FALSE(get("/v1/audit?since=2020-01-01T00:00:00+14:00").at("data").as_array().empty());
  EXPECT_TRUE(get("/v1/audit?since=2999-01-01T00:00:00-12:00").at("data").as_array().empty());
  expect_error(get("/v1/audit?since=2020-01-01T00:00:00+1"), 422, "invalid-request");
}

}  // namespace
}  // namespace restored::control
