"""Clients that stay connected through the whole show, each a process with one connection that it
opens once. They read and write all the time and record what a user would notice: errors, lost
connections, the longest wait for an answer, and whether one answer ever mixed two contents.

  clients.py URL...     commands on standard input, one answer line (JSON) each:
    step NAME    what follows counts towards this step
    hash         the content as every client sees it, over its own connection: all keys but the
                 clients' own, which are deleted first
    report       what was recorded
  The end of standard input ends all clients.
"""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time

from records import WITNESSES
from resp import Connection, ReplyError

# Between two rounds of commands: the show measures the server, so the clients leave it the cores.
PAUSE_SECONDS = 0.002
SCAN_COUNT = 1000


class Client:
    def __init__(self, number, url):
        self.url = url
        self.own_key = "client:%d" % number
        self.connection = Connection(url)
        self.witnesses = ["witness:%d" % w for w in range(WITNESSES)]
        self.sample = []
        self.step = "start"
        self.record = {"errors": 0, "lost": 0, "mixed": 0, "commands": 0, "stalls": {}}
        self.last_error = ""
        self.rounds = 0

    def timed(self, *words):
        begin = time.monotonic()
        try:
            return self.connection.command(*words)
        except ReplyError as error:
            self.record["errors"] += 1
            self.last_error = str(error)
        except OSError as error:
            self.record["lost"] += 1
            self.last_error = str(error)
            self.connection = Connection(self.url)
        finally:
            wait = time.monotonic() - begin
            stalls = self.record["stalls"]
            stalls[self.step] = max(stalls.get(self.step, 0.0), wait)
            self.record["commands"] += 1
        return None

    def round(self):
        """One read, one write, and a look at all witnesses at once."""
        self.rounds += 1
        if self.sample:
            self.timed("GET", random.choice(self.sample))
        self.timed("SET", self.own_key, str(self.rounds))
        seen = self.timed("MGET", *self.witnesses)
        if seen is not None and len(set(seen)) != 1:
            self.record["mixed"] += 1
            self.last_error = "one MGET saw %r" % seen

    def settle(self):
        self.connection.command("DEL", self.own_key)

    def content(self):
        """Number of keys, and a hash over all of them and their values, in any order of SCAN."""
        digests = {}
        cursor = b"0"
        while True:
            cursor, keys = self.connection.command("SCAN", cursor, "COUNT", SCAN_COUNT)
            if keys:
                values = self.connection.command("MGET", *keys)
                for key, value in zip(keys, values):
                    if value is not None:
                        head = b"%d %d " % (len(key), len(value))
                        digests[key] = hashlib.sha256(head + key + value).digest()
            if cursor == b"0":
                break
        total = hashlib.sha256()
        for key in sorted(digests):
            total.update(digests[key])
        self.sample = random.sample(sorted(digests), min(1000, len(digests)))
        return {"keys": len(digests), "hash": total.hexdigest()}


def serve(number, url, pipe, parent):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    client = Client(number, url)
    pipe.send("connected")
    while os.getppid() == parent:
        if not pipe.poll(PAUSE_SECONDS):
            client.round()
            continue
        try:
            command = pipe.recv()
        except EOFError:
            return
        if command.startswith("step "):
            client.step = command[5:]
            pipe.send("ok")
        elif command == "report":
            pipe.send(dict(client.record, last_error=client.last_error))
        else:
            # Settled clients write nothing until the next command, so that all see one content.
            client.settle()
            pipe.send("settled")
            pipe.recv()
            pipe.send(client.content())
            pipe.recv()


def everyone(pipes, command, patience=300):
    for pipe in pipes:
        pipe.send(command)
    answers = []
    for pipe in pipes:
        if not pipe.poll(patience):
            raise TimeoutError("a client did not answer within %d s" % patience)
        answers.append(pipe.recv())
    return answers


def content(pipes):
    everyone(pipes, "settle")
    answers = everyone(pipes, "content")
    for pipe in pipes:
        pipe.send("go on")
    return {
        "agree": len({answer["hash"] for answer in answers}) == 1,
        "keys": answers[0]["keys"],
        "hash": answers[0]["hash"],
    }


def report(pipes):
    records = everyone(pipes, "report")
    stalls = {}
    for record in records:
        for step, wait in record["stalls"].items():
            stalls[step] = round(max(stalls.get(step, 0.0), wait * 1000), 1)
    return {
        "clients": len(records),
        "kept": sum(1 for record in records if record["lost"] == 0),
        "errors": sum(record["errors"] for record in records),
        "mixed": sum(record["mixed"] for record in records),
        "commands": sum(record["commands"] for record in records),
        "stalls": stalls,
        "last_error": next((r["last_error"] for r in records if r["last_error"]), ""),
    }


def main():
    pipes = []
    for number, url in enumerate(sys.argv[1:]):
        ours, theirs = multiprocessing.Pipe()
        arguments = (number, url, theirs, os.getpid())
        multiprocessing.Process(target=serve, args=arguments, daemon=True).start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        if not pipe.poll(60) or pipe.recv() != "connected":
            sys.exit("a client did not connect")
    print(json.dumps({"connected": len(pipes)}), flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "hash":
            answer = content(pipes)
        elif command == "report":
            answer = report(pipes)
        else:
            everyone(pipes, command)
            answer = {}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
