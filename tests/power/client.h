// The one client of the engine under test: asks for things and notes in the diary, before each
// request, what may be from now on, and after the answer what must be.
#pragma once

#include <string>

#include "diary.h"
#include "simulated_host.h"

namespace restored::test {

class Client {
 public:
  Client(SimulatedHost& host, Diary& diary) : host_(host), diary_(diary) {}

  DatabaseId create(const std::string& name, const BackupId& from = {});
  void remove(const DatabaseId& id);
  // All records in one write.
  void write(const DatabaseId& id, const Content& records, Durability durability);
  // What Durability::process promises: a second later it is on the device.
  void wait_until_durable(const DatabaseId& id);
  void flush_all(const DatabaseId& id);

  BackupId back_up(const DatabaseId& id);
  void remove_backup(const BackupId& id);
  // `beside`: done from the operation's own thread, once, at a moment before its swap.
  void restore(const DatabaseId& id, const BackupId& backup, const Content& beside = {});
  void restore_and_cancel(const DatabaseId& id, const BackupId& backup);
  void undo(const DatabaseId& id);

  void rotate(const DatabaseId& id);
  void add_connection(const DatabaseId& id);
  void add_token();

  // For EngineSeams::step.
  void step(std::string_view name);

 private:
  void begin_version(const DatabaseId& id, ContentPointer content, bool swapped,
                     const OperationId& operation = {});
  void put(const DatabaseId& id, const Content& records, Durability durability);
  void promise(const DatabaseId& id);
  OperationView await(const OperationId& id);
  OperationId begin_restore(const DatabaseId& id, const BackupId& backup);
  void end_restore(const DatabaseId& id, const OperationView& ended);
  void note_login(const NewConnection& connection);

  SimulatedHost& host_;
  Diary& diary_;
  std::mutex mutex_;  // of what the operation's thread is to do
  DatabaseId beside_database_;
  Content beside_;
};

}  // namespace restored::test
