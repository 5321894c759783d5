#include "load.h"

#include <utility>

#include "writer.h"

namespace restored::crash_test {

Load::Load(World& world, std::uint64_t seed)
    : world_(world), random_(seed), lifecycle_(world, seed) {
  for (Loaded& database : world.loaded)
    controllers_.push_back(std::make_unique<Controller>(world, database, random_()));
}

void Load::write() {
  for (Loaded& database : world_.loaded) {
    for (std::size_t writer = 0; writer < writers_count; ++writer) {
      // Connected before anybody rotates the password.
      threads_.emplace_back([this, &database, writer, seed = random_(),
                             client = system_test::RedisClient(world_.agent().port(),
                                                               database.login.password)]() mutable {
        write_until_gone(world_, database, writer, std::move(client), seed);
      });
    }
  }
}

void Load::control(const std::vector<Step>& steps, const std::vector<LifecycleStep>& lifecycle) {
  threads_.emplace_back([this, steps] { controllers_[0]->run_until_gone(steps); });
  threads_.emplace_back([this] { controllers_[1]->run_until_gone({Step::backup}); });
  threads_.emplace_back([this, lifecycle] { lifecycle_.run_until_gone(lifecycle); });
}

}  // namespace restored::crash_test
