"""Rules of the tree that a compiler does not see. Prints every finding; exit status 1 if any.

  check_style.py ROOT
"""

import pathlib
import re
import shutil
import subprocess
import sys

HEADER_LINES_MAX = 150
SOURCE_LINES_MAX = 400
README_LINES_MAX = 20

# Files that may be longer, up to the number. Each is one table, one contract or one test that reads
# worse when it is cut; do not add a file because it grew.
LONGER = {
    "include/restored/engine.h": 300,
    "include/restored/limits.h": 260,
    "engine/catalog/database.h": 200,
    "tests/restore/restore_test.cc": 460,
}

# A library's headers -> where they may be included.
ONLY_IN = {
    r"liburing": ["engine/io/"],
    r"zstd\.h|zdict\.h": ["engine/format/", "engine/deep/", "tests/format/", "bench/"],
    r"xxhash\.h": ["engine/format/", "engine/restore/", "tests/format/", "bench/"],
    r"rocksdb/": ["engine/catalog/", "engine/deep/", "tests/catalog/", "tests/crash/",
                    "tests/support/simulated_disk/", "tests/power/"],
    r"boost/(asio|beast)": ["agent/", "tools/restorectl/", "tests/agent/", "tests/control/",
                            "tests/data/", "tests/fuzz/", "bench/", "engine/net/"],
    r"toml\+\+/": ["agent/"],
    r"spdlog/": ["engine/base/"],
    r"expat": ["engine/store/"],
    r"systemd/": ["agent/"],
    r"hiredis": ["tests/", "bench/"],
    r"CLI/": ["agent/main.cc", "tools/restorectl/", "bench/"],
    r"benchmark/": ["bench/"],
    r"g(test|mock)/": ["tests/"],
}

EMPTY_NAMES = {"util", "utils", "common", "manager", "helper", "helpers", "misc"}

# Commands of the scripts and libraries of the CMake files -> the package that brings them.
COMMAND_PACKAGES = {
    "clang-format-19": "clang-format-19",
    "clang-tidy-19": "clang-tidy-19",
    "cmake": "cmake",
    "ceph": "ceph-common",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "ctest": "cmake",
    "curl": "curl",
    "jq": "jq",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    "ninja": "ninja-build",
    "openssl": "openssl",
    "python3": "python3",
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "xxd": "xxd",
    "zstd": "zstd",
}
LIBRARY_PACKAGES = {
    "Boost": "libboost1.81-dev",
    "CLI11": "libcli11-dev",
    "EXPAT": "libexpat1-dev",
    "GTest": "libgtest-dev",
    "HIREDIS": "libhiredis-dev",
    "JEMALLOC": "libjemalloc-dev",
    "OpenSSL": "libssl-dev",
    "PkgConfig": "pkg-config",
    "Python3": "python3",
    "ROCKSDB": "librocksdb-dev",
    "SYSTEMD": "libsystemd-dev",
    "Threads": "g++",
    "URING": "liburing-dev",
    "XXHASH": "libxxhash-dev",
    "ZSTD": "libzstd-dev",
    "benchmark": "libbenchmark-dev",
    "fmt": "libfmt-dev",
    "spdlog": "libspdlog-dev",
    "tomlplusplus": "libtomlplusplus-dev",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
DECLARATION = re.compile(r"\b(?:class|struct|namespace|enum(?:\s+class)?)\s+([A-Za-z_]\w*)")
# Spelled in pieces, so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.-])/(?:wor" + r"k|hom" + r"e/\w+|roo" + r"t|Use" + r"rs)/\w")
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
RANGE_DELETE = re.compile(r"\bDelete" + r"Range\s*\(|(?:->|\.)Delete" + r"Range\b")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}  # path relative to the root -> text
        self.directories = set()
        self._walk(self.root)

    def _walk(self, directory):
        for path in sorted(directory.iterdir()):
            name = path.name
            if name in (".git", ".cache", "__pycache__", "compile_commands.json"):
                continue
            if directory == self.root and (name == "build" or name.startswith("build-")):
                continue
            relative = path.relative_to(self.root).as_posix()
            if path.is_dir():
                self.directories.add(relative)
                self._walk(path)
            elif path.is_file():
                try:
                    self.files[relative] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    pass  # test data, not text

    def sources(self, *suffixes):
        for path, text in self.files.items():
            if path.endswith(suffixes or (".h", ".cc", ".def")):
                yield path, text


def check_lengths(tree):
    for path, text in tree.sources(".h", ".cc"):
        limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
        limit = LONGER.get(path, limit)
        lines = text.count("\n")
        if lines > limit:
            yield f"{path}: {lines} lines, at most {limit}: cut it by phase or reason to change"


def check_includes(tree):
    for path, text in tree.sources():
        for quote, header in INCLUDE.findall(text):
            for pattern, places in ONLY_IN.items():
                if re.match(pattern, header) and not path.startswith(tuple(places)):
                    yield f"{path}: includes {header}, which belongs to {', '.join(places)}"
            if path.startswith("include/restored/"):
                ours = quote == '"' and header.startswith("restored/")
                standard = quote == "<" and "/" not in header
                if not ours and not standard:
                    yield f"{path}: public headers include the standard library and each other only"
            if re.match(r"(tests|bench)/", header) and not path.startswith(("tests/", "bench/")):
                yield f"{path}: includes {header}; nothing includes tests or benches"


def check_range_deletes(tree):
    for path, text in tree.sources():
        if not path.startswith("tests/") and RANGE_DELETE.search(text):
            yield f"{path}: range tombstones do not survive a column family import; delete keys"


def check_names(tree):
    for path in sorted(tree.directories) + sorted(tree.files):
        name = pathlib.PurePosixPath(path).name.split(".")[0]
        if EMPTY_NAMES & set(re.split(r"[_-]", name.lower())):
            yield f"{path}: the name says nothing; name what it does"
    for path, text in tree.sources(".h", ".cc"):
        for name in DECLARATION.findall(text):
            words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
            if EMPTY_NAMES & {word.lower() for word in words}:
                yield f"{path}: {name} says nothing; name what it does"


def is_module(directory, tree):
    if not re.fullmatch(r"(engine|agent|tools)/\w+|agent|bench|systemd", directory):
        return False
    return any(re.fullmatch(re.escape(directory) + r"/[^/]+\.(cc|h|py|service)", path)
               for path in tree.files)


def check_readmes(tree):
    for directory in sorted(tree.directories):
        if not is_module(directory, tree):
            continue
        text = tree.files.get(directory + "/README.md")
        if text is None:
            yield f"{directory}: has no README.md: what belongs here and what does not"
        elif text.count("\n") > README_LINES_MAX:
            yield f"{directory}/README.md: {text.count(chr(10))} lines, at most {README_LINES_MAX}"


def packages(tree):
    lines = tree.files.get("tools/packages.txt", "").splitlines()
    return {line for line in lines if line and not line.startswith(("#", "["))}


def check_packages(tree):
    listed = packages(tree)
    for path, text in tree.files.items():
        script = path.endswith(".sh") or path.startswith(".ci/")
        if script:
            code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
            for command, package in COMMAND_PACKAGES.items():
                used = re.search(r"(?<![\w./-])" + re.escape(command) + r"(?![\w.-])", code)
                if used and package not in listed:
                    yield f"{path}: uses {command}, but {package} is not in tools/packages.txt"
            if re.search(r"apt(-get)?\b.*\binstall\b", code) and "install-packages" not in path:
                yield f"{path}: packages are installed by tools/install-packages.sh only"
        if path.endswith("CMakeLists.txt") or path.endswith(".cmake"):
            for library in re.findall(r"(?:find_package|pkg_check_modules)\(\s*(\w+)", text):
                package = LIBRARY_PACKAGES.get(library)
                if package is None:
                    yield f"{path}: {library}: add its package to the table of this check"
                elif package not in listed:
                    yield f"{path}: needs {library}, but {package} is not in tools/packages.txt"


def check_texts(tree):
    for path, text in tree.files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                yield f"{path}:{number}: names a directory of one machine"
            if LEFTOVER.search(line):
                yield f"{path}:{number}: a leftover; do it or drop it"


def check_readme_facts(tree):
    """The project's README names every key of the configuration, and only tests that exist."""
    text = tree.files.get("README.md", "")
    keys = set(re.findall(r'^\s*\{"([a-z0-9_.]+)",', tree.files.get("agent/config/keys.cc", ""), re.MULTILINE))
    rows = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", text, re.MULTILINE))
    for key in sorted(keys ^ rows):
        yield f"README.md: the key {key} stands only {'in the README' if key in rows else 'in the code'}"
    tests = set()
    for path, source in tree.sources(".cc"):
        if path.startswith("tests/"):
            for suite, name in re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", source, re.MULTILINE):
                tests.add(f"{suite}.{name}")
    for name in re.findall(r"`(\w+Test\.\w+)`", text):
        if name not in tests:
            yield f"README.md: there is no test {name}"


def check_links(tree):
    for path, text in tree.files.items():
        if not path.endswith(".md"):
            continue
        folder = pathlib.PurePosixPath(path).parent
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if "://" in target:
                continue
            where = (tree.root / folder / target).resolve()
            if not where.exists():
                yield f"{path}: links to {target}, which is not there"


def check_format(tree):
    tool = shutil.which("clang-format-19")
    if tool is None:
        yield "clang-format-19 is not installed: tools/install-packages.sh test"
        return
    paths = [path for path, _ in tree.sources(".h", ".cc")]
    for begin in range(0, len(paths), 100):
        some = paths[begin:begin + 100]
        ended = subprocess.run([tool, "--dry-run", "-Werror", *some], cwd=tree.root, text=True,
                               capture_output=True, check=False)
        found = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", ended.stderr, re.MULTILINE)))
        for path in found:
            yield f"{path}: run clang-format-19 -i on it"
        if ended.returncode != 0 and not found:
            yield f"clang-format-19: {ended.stderr.strip()}"


CHECKS = [check_lengths, check_includes, check_range_deletes, check_names, check_readmes,
          check_packages, check_texts, check_readme_facts, check_links, check_format]


def findings(root, checks=None):
    tree = Tree(root)
    return [finding for check in checks or CHECKS for finding in check(tree)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = findings(sys.argv[1])
    for finding in found:
        print(finding)
    print(f"{len(found)} findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
