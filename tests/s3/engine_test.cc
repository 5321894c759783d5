// The whole engine with its repository on a real S3 server.
#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "gateway_store.h"
#include "io/file_system.h"
#include "restored/limits.h"
#include "s3_server/fault_server.h"
#include "support/fault_files.h"
#include "test_host.h"

namespace restored::test {
namespace {

using s3_server::FaultServer;
using s3_server::Kind;

class S3EngineTest : public GatewayStoreTest {
 protected:
  void SetUp() override {
    GatewayStoreTest::SetUp();
    s3_server::ServerOptions before;
    before.upstream = "127.0.0.1:" + std::to_string(gateway().port());
    proxy_ = FaultServer::start(before);
    ASSERT_NE(proxy_, nullptr);
  }
  // Over the proxy, which counts.
  std::unique_ptr<TestHost> host(const std::string& name) {
    auto made = std::make_unique<TestHost>(directory_.file(name), directory_.file("unused"));
    made->options.repository_url = "s3://" + bucket_ + "/some/prefix";
    made->options.store = options_;
    made->options.store.s3.endpoint = proxy_->endpoint();
    return made;
  }
  static OperationView ended(TestHost& host, const Result<OperationView>& started) {
    EXPECT_TRUE(started) << started.error().message;
    return started ? host.wait(started->id) : OperationView{};
  }

  std::unique_ptr<FaultServer> proxy_;
};

std::string why(const OperationView& view) {
  return view.error ? view.error->message : std::string();
}

TEST_F(S3EngineTest, BackupVerifyRestoreAndUndo) {
  auto one = host("state");
  one->open();
  const DatabaseId id = one->make_database("orders");
  const Content before = records("a", 20'000, 1, 500);
  one->put(id, before);
  const BackupId backup = one->back_up(id);
  for (const VerifyDepth depth : {VerifyDepth::fast, VerifyDepth::full}) {
    const OperationView verified = ended(*one, one->engine().start_verify(backup, depth, "test"));
    EXPECT_EQ(verified.state, OperationState::succeeded) << why(verified);
  }
  one->put(id, records("a", 500, 9));
  one->put(id, records("b", 500, 2));
  const Content changed = one->content(id);

  const OperationView restored = one->restore(id, backup);
  EXPECT_EQ(restored.state, OperationState::succeeded) << why(restored);
  EXPECT_TRUE(one->content(id) == before);
  const OperationView undone = ended(*one, one->engine().start_undo(id, "test"));
  EXPECT_EQ(undone.state, OperationState::succeeded) << why(undone);
  EXPECT_TRUE(one->content(id) == changed);

  one->close();
  one->open();
  EXPECT_TRUE(one->content(id) == changed);
}

TEST_F(S3EngineTest, RestoreListsAndWritesNothing) {
  auto one = host("state");
  one->open();
  const DatabaseId id = one->make_database("orders");
  const Content before = records("a", 20'000, 1, 500);
  one->put(id, before);
  const BackupId backup = one->back_up(id);
  one->close();
  // A host that has never seen the backup's database restores it, too.
  auto other = host("other");
  other->open();
  const DatabaseId target = other->make_database("copy");
  proxy_->no_faults();  // counts begin here
  const OperationView restored = other->restore(target, backup);
  EXPECT_EQ(restored.state, OperationState::succeeded) << why(restored);
  EXPECT_TRUE(other->content(target) == before);
  EXPECT_GT(proxy_->count(Kind::get), 0u);
  for (const Kind kind : {Kind::list, Kind::list_uploads, Kind::put, Kind::remove,
                          Kind::begin_upload, Kind::bucket, Kind::other})
    EXPECT_EQ(proxy_->count(kind), 0u) << s3_server::name(kind);
}

TEST_F(S3EngineTest, TwoHostsUseOneRepositoryAtOnce) {
  struct Side {
    std::unique_ptr<TestHost> host;
    DatabaseId id;
    std::map<std::string, Content> backups;  // by id
  };
  Side sides[2];
  for (int i = 0; i < 2; ++i) {
    sides[i].host = host("state" + std::to_string(i));
    sides[i].host->open();
    sides[i].id = sides[i].host->make_database("orders");
  }
  {
    std::vector<std::jthread> threads;
    for (Side& side : sides)
      threads.emplace_back([&side, seed = &side == sides ? 1u : 2u] {
        Content content;
        for (unsigned round = 0; round < 4; ++round) {
          // Half of it is the same on both hosts: the same objects, written at once.
          side.host->put(side.id, records("same", 3'000, round, 500));
          side.host->put(side.id, records("own", 3'000, 100 * seed + round, 500));
          const BackupId backup = side.host->back_up(side.id);
          side.backups[backup.value] = content = side.host->content(side.id);
          side.host->put(side.id, records("late", 10, seed));
          const OperationView restored = side.host->restore(side.id, backup);
          EXPECT_EQ(restored.state, OperationState::succeeded) << why(restored);
          EXPECT_TRUE(side.host->content(side.id) == content);
        }
      });
  }
  // Each restores what the other has made, while the other removes none of it.
  for (int i = 0; i < 2; ++i) {
    for (const auto& [backup, content] : sides[1 - i].backups) {
      const OperationView restored = sides[i].host->restore(sides[i].id, BackupId{backup});
      EXPECT_EQ(restored.state, OperationState::succeeded) << why(restored);
      EXPECT_TRUE(sides[i].host->content(sides[i].id) == content);
    }
  }
}

// The writer of a restore stands still for longer than the server lets a client stand still. No
// answer is left unread meanwhile, because its memory was there before it was asked for: so none is
// cut, and none is asked for again.
TEST_F(S3EngineTest, SlowDiskCutsNoAnswer) {
  const std::chrono::milliseconds stall{3'000};
  FaultPlan plan;
  FaultFileSystem files(io::system_files(), plan);
  auto one = host("state");
  one->seams.files = &files;
  one->open();
  const DatabaseId id = one->make_database("orders");
  // More than the memory budget, in several files.
  for (int part = 0; part < 6; ++part) {
    one->put(id, records(std::string(1, static_cast<char>('a' + part)), 14'000,
                         static_cast<std::uint64_t>(part), 1000));
    one->back_up(id);
  }
  const Content before = one->content(id);
  const BackupId backup = one->back_up(id);
  one->close();
  ASSERT_TRUE(io::system_files().remove_tree(directory_.file("state")));

  ASSERT_TRUE(gateway().start_gateway({.requests_max = 1024, .stall = stall}));
  one->open();
  const DatabaseId target = one->make_database("copy");
  std::mutex mutex;
  std::size_t opened = 0;
  std::set<std::string> requests_before;
  plan.before_each([&](Call call, const std::string& path) {
    if (call != Call::create || path.find("staging") == std::string::npos ||
        !path.ends_with(".sst"))
      return;
    const std::scoped_lock lock(mutex);
    if (++opened == 2) std::this_thread::sleep_for(stall + std::chrono::milliseconds(1500));
  });
  proxy_->no_faults();
  const OperationView restored = one->restore(target, backup);
  plan.before_each(nullptr);
  EXPECT_EQ(restored.state, OperationState::succeeded) << why(restored);
  EXPECT_GE(opened, 2u);
  EXPECT_TRUE(one->content(target) == before);
  std::set<std::string> asked;
  for (const std::string& line : proxy_->log()) {
    if (line.find("objects/") == std::string::npos) continue;
    EXPECT_TRUE(asked.insert(line).second) << "asked for twice: " << line;
  }
  EXPECT_GE(asked.size(), 8u);
  one->close();
  ASSERT_TRUE(gateway().start_gateway());
}

}  // namespace
}  // namespace restored::test
