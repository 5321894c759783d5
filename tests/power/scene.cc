#include "scene.h"

#include "client.h"

namespace restored::test {
namespace {

// Unique by its seed, so that no two contents of a database are alike.
Content some(std::uint64_t seed, int count = 12) {
  return records("k" + std::to_string(seed) + ":", count, seed);
}

void first_life(Client& client, const BackupId& foreign, DatabaseId& first, DatabaseId& other) {
  first = client.create("first");
  other = client.create("other");
  client.add_token();
  client.write(first, some(1), Durability::process);
  client.write(first, some(2), Durability::device);
  client.write(other, some(3), Durability::process);
  const BackupId backup = client.back_up(first);
  client.write(first, some(4), Durability::device);
  client.write(first, some(5), Durability::process);
  const BackupId second = client.back_up(first);  // of which a file is there already
  client.restore(first, backup, some(6));
  client.write(first, some(7), Durability::process);
  client.undo(first);
  client.write(first, some(8), Durability::device);
  client.restore(other, foreign);
  client.rotate(first);
  client.add_connection(other);
  client.flush_all(first);
  client.write(first, some(9), Durability::process);
  client.wait_until_durable(first);
  client.restore_and_cancel(first, foreign);
  client.remove_backup(second);
  const DatabaseId third = client.create("third", foreign);
  client.write(third, some(10), Durability::device);
  client.remove(other);
  client.restore(first, foreign, some(11));
  client.write(first, some(12), Durability::process);
}

}  // namespace

Scene make_scene() {
  Scene scene;
  SimulatedDisk disk;
  {
    SimulatedHost maker(disk);
    maker->options.state_directory = "/maker";
    maker->open();
    const DatabaseId source = maker->make_database("source");
    maker->put(source, records("a:", 100, 101, 2000));
    maker->back_up(source);
    maker->put(source, records("b:", 100, 102, 4000));
    scene.foreign = maker->back_up(source);
    scene.foreign_content = std::make_shared<const Content>(maker->content(source));
    maker->close();
  }
  SimulatedFiles files(disk);
  (void)files.remove_tree("/maker");
  scene.disk = disk.power_cut(Survival::everything, 0);
  return scene;
}

std::unique_ptr<SimulatedDisk> begin(const Scene& scene, Diary& diary) {
  diary.note([&](Expected& expected) {
    expected.backups[scene.foreign] = {{}, scene.foreign_content, Presence::there};
  });
  return scene.disk->process_death();
}

void run_workload(const Scene& scene, SimulatedDisk& disk, Diary& diary) {
  SimulatedHost host(disk);
  Client client(host, diary);
  host->seams.step = [&](std::string_view step) { client.step(step); };
  diary.doing("opening the state for the first time");
  host->open();
  DatabaseId first;
  DatabaseId other;
  first_life(client, scene.foreign, first, other);
  diary.doing("closing");
  host->close();
  diary.doing("opening again");
  host->open();
  client.write(first, some(20), Durability::device);
  client.write(first, some(21), Durability::process);
  diary.doing("closing for good");
  host->close();
}

}  // namespace restored::test
