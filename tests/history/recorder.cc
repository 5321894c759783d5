#include "recorder.h"

#include <hiredis/hiredis.h>

#include <chrono>
#include <utility>

namespace restored::history {
namespace {

constexpr timeval patience = {20, 0};

std::string text_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  return {reply.str, reply.len};
}

std::vector<std::string> words_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::read:
      return {"GET", step.key};
    case Step::Kind::write:
      return {"SET", step.key, step.written};
    case Step::Kind::write_if_absent:
      return {"SET", step.key, step.written, "NX"};
    case Step::Kind::remove:
      return {"GETDEL", step.key};
    case Step::Kind::increment:
      return {"INCR", step.key};
    case Step::Kind::count:
      return {"DBSIZE"};
    case Step::Kind::present:
      break;
  }
  return {};
}

// False: not an answer that this command gives.
bool note_answer(Step& step, const redisReply& reply) {
  const bool number = step.kind == Step::Kind::increment || step.kind == Step::Kind::count;
  const bool status = step.kind == Step::Kind::write || step.kind == Step::Kind::write_if_absent;
  if (reply.type == REDIS_REPLY_NIL) return !number && step.kind != Step::Kind::write;
  if (number && reply.type != REDIS_REPLY_INTEGER) return false;
  if (status && (reply.type != REDIS_REPLY_STATUS || text_of(reply) != "OK")) return false;
  if (!number && !status && reply.type != REDIS_REPLY_STRING) return false;
  if (step.kind != Step::Kind::write) step.answer = text_of(reply);
  return true;
}

constexpr const char* unexpected = "an answer that is none of this command";

}  // namespace

Moment now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Recorder::ReplyEnd::operator()(redisReply* reply) const {
  freeReplyObject(reply);
}

Recorder::Recorder(int port, const std::string& password, std::size_t client)
    : context_(redisConnectWithTimeout("127.0.0.1", port, patience)), client_(client) {
  if (context_ == nullptr || context_->err != 0) {
    close();
    return;
  }
  redisSetTimeout(context_, patience);
  const Reply reply = call({"AUTH", password});
  if (!reply || reply->type != REDIS_REPLY_STATUS) close();
}

Recorder::~Recorder() {
  close();
}

void Recorder::close() {
  if (context_ != nullptr) redisFree(context_);
  context_ = nullptr;
}

bool Recorder::send(const std::vector<std::string>& words) {
  if (context_ == nullptr) return false;
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  return redisAppendCommandArgv(context_, static_cast<int>(words.size()), texts.data(),
                                lengths.data()) == REDIS_OK;
}

Recorder::Reply Recorder::receive() {
  if (context_ == nullptr) return nullptr;
  void* reply = nullptr;
  if (redisGetReply(context_, &reply) != REDIS_OK) close();
  return Reply(static_cast<redisReply*>(reply));
}

Recorder::Reply Recorder::call(const std::vector<std::string>& words) {
  return send(words) ? receive() : nullptr;
}

Operation& Recorder::begin(std::vector<Step> steps, Role role) {
  Operation operation;
  operation.client = client_;
  operation.index = operations_.size();
  operation.role = role;
  operation.steps = std::move(steps);
  return operations_.emplace_back(std::move(operation));
}

Recorder::Reply Recorder::ask(Operation& operation, const std::vector<std::string>& words) {
  operation.invoked = now();
  Reply reply = call(words);
  if (!reply) return nullptr;
  operation.returned = now();
  if (reply->type != REDIS_REPLY_ERROR) return reply;
  operation.error = text_of(*reply);
  return nullptr;
}

void Recorder::run(Step step, const std::vector<std::string>& words) {
  if (context_ == nullptr) return;
  Operation& operation = begin({std::move(step)});
  const Reply reply = ask(operation, words);
  if (reply && !note_answer(operation.steps[0], *reply)) operation.error = unexpected;
}

Value Recorder::get(const std::string& key) {
  const Step step{Step::Kind::read, key, {}, {}};
  if (context_ == nullptr) return {};
  run(step, words_of(step));
  return operations_.back().steps[0].answer;
}

void Recorder::set(const std::string& key, const std::string& value) {
  const Step step{Step::Kind::write, key, value, {}};
  run(step, words_of(step));
}

void Recorder::set_nx(const std::string& key, const std::string& value) {
  const Step step{Step::Kind::write_if_absent, key, value, {}};
  run(step, words_of(step));
}

void Recorder::getdel(const std::string& key) {
  const Step step{Step::Kind::remove, key, {}, {}};
  run(step, words_of(step));
}

void Recorder::incr(const std::string& key) {
  const Step step{Step::Kind::increment, key, {}, {}};
  run(step, words_of(step));
}

void Recorder::dbsize() {
  const Step step{Step::Kind::count, {}, {}, {}};
  run(step, words_of(step));
}

void Recorder::mget(const std::vector<std::string>& keys) {
  if (context_ == nullptr) return;
  std::vector<std::string> words = {"MGET"};
  std::vector<Step> steps;
  for (const std::string& key : keys) {
    words.push_back(key);
    steps.push_back({Step::Kind::read, key, {}, {}});
  }
  Operation& operation = begin(std::move(steps));
  const Reply reply = ask(operation, words);
  if (!reply) return;
  bool expected = reply->type == REDIS_REPLY_ARRAY && reply->elements == keys.size();
  for (std::size_t i = 0; expected && i < keys.size(); ++i) {
    expected = note_answer(operation.steps[i], *reply->element[i]);
  }
  if (!expected) operation.error = unexpected;
}

void Recorder::mset(const std::vector<std::string>& keys, const std::string& value) {
  if (context_ == nullptr) return;
  std::vector<std::string> words = {"MSET"};
  std::vector<Step> steps;
  for (const std::string& key : keys) {
    words.insert(words.end(), {key, value});
    steps.push_back({Step::Kind::write, key, value, {}});
  }
  Operation& operation = begin(std::move(steps));
  const Reply reply = ask(operation, words);
  if (reply && text_of(*reply) != "OK") operation.error = unexpected;
}

void Recorder::scan(std::size_t count) {
  std::string cursor = "0";
  std::vector<std::string> named;
  bool first = true;
  do {
    if (context_ == nullptr) return;
    Operation& operation = begin({}, first ? Role::first_page : Role::middle_page);
    const Reply reply = ask(operation, {"SCAN", cursor, "COUNT", std::to_string(count)});
    if (!reply) return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
      operation.error = unexpected;
      return;
    }
    cursor = text_of(*reply->element[0]);
    for (std::size_t i = 0; i < reply->element[1]->elements; ++i) {
      named.push_back(text_of(*reply->element[1]->element[i]));
      operation.steps.push_back({Step::Kind::present, named.back(), {}, {}});
    }
    if (cursor == "0") {
      operation.role = first ? Role::only_page : Role::last_page;
      operation.keys = named;
    }
    first = false;
  } while (cursor != "0");
}

void Recorder::transaction(const std::vector<Step>& steps) {
  exec(steps, false);
}

void Recorder::watched_transaction(const std::vector<std::string>& keys,
                                   const std::vector<Step>& steps) {
  if (context_ == nullptr) return;
  std::vector<std::string> words = {"WATCH"};
  words.insert(words.end(), keys.begin(), keys.end());
  Operation& watch = begin({}, Role::watch);
  watch.keys = keys;
  if (!ask(watch, words)) return;
  for (const std::string& key : keys) get(key);
  exec(steps, true);
}

void Recorder::exec(const std::vector<Step>& steps, bool watched) {
  if (!send({"MULTI"})) return;
  for (const Step& step : steps) send(words_of(step));
  for (std::size_t i = 0; i <= steps.size(); ++i) {
    const Reply queued = receive();
    if (queued && queued->type == REDIS_REPLY_STATUS) continue;
    Operation& refused = begin(steps);
    refused.returned = refused.invoked = now();
    refused.error = queued ? text_of(*queued) : "the connection ended before EXEC";
    return;
  }
  Operation& operation = begin(steps, watched ? Role::guarded : Role::command);
  const Reply reply = ask(operation, {"EXEC"});
  if (!reply) return;
  if (watched && reply->type == REDIS_REPLY_NIL) {
    operation.role = Role::aborted;
    operation.steps.clear();
    return;
  }
  bool expected = reply->type == REDIS_REPLY_ARRAY && reply->elements == steps.size();
  for (std::size_t i = 0; expected && i < steps.size(); ++i) {
    expected = note_answer(operation.steps[i], *reply->element[i]);
  }
  if (!expected) operation.error = unexpected;
}

void Recorder::set_and_leave(const std::string& key, const std::string& value) {
  if (context_ == nullptr) return;
  const Step step{Step::Kind::write, key, value, {}};
  begin({step}).invoked = now();
  send(words_of(step));
  int sent = 0;
  while (sent == 0 && redisBufferWrite(context_, &sent) == REDIS_OK) {
  }
  close();
}

}  // namespace restored::history
