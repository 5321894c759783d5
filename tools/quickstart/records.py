"""Debian's package index (apt-cache dumpavail, on standard input) as Redis commands for
redis-cli --pipe.

  records.py load     one SET a package: "name:version:architecture" -> its record
  records.py change   what happens to the database after its backup: every third package is
                      overwritten, every fifth deleted, and 5,000 keys are added
"""

import sys

from resp import encode

WITNESSES = 8


def records(stream):
    """(key, record) of every package; a key that comes again replaces the earlier one."""
    record = []
    for line in stream:
        if line.strip():
            record.append(line)
            continue
        if record:
            yield key_of(record), b"".join(record)
        record = []
    if record:
        yield key_of(record), b"".join(record)


def key_of(record):
    fields = {}
    for line in record:
        name, colon, value = line.partition(b":")
        if colon and not line[:1].isspace():
            fields[name] = value.strip()
    wanted = (b"Package", b"Version", b"Architecture")
    return b":".join(fields.get(name, b"-") for name in wanted)


def witnesses(value):
    """Set together, so that a reader of all of them sees which content it reads."""
    words = ["MSET"]
    for number in range(WITNESSES):
        words += ["witness:%d" % number, value]
    return encode(*words)


def main():
    out = sys.stdout.buffer
    action = sys.argv[1] if len(sys.argv) == 2 else ""
    if action not in ("load", "change"):
        sys.exit(__doc__)
    count = 0
    for index, (key, record) in enumerate(records(sys.stdin.buffer)):
        count += 1
        if action == "load":
            out.write(encode("SET", key, record))
        elif index % 5 == 0:
            out.write(encode("DEL", key))
        elif index % 3 == 0:
            out.write(encode("SET", key, b"overwritten after the backup: " + key))
    if action == "change":
        for number in range(5000):
            out.write(encode("SET", "added:%d" % number, "made after the backup"))
    out.write(witnesses("backup" if action == "load" else "changed"))
    if count == 0:
        sys.exit("no package records on standard input")


if __name__ == "__main__":
    main()
