"""Each rule of check_style.py finds its violation, and lets its like pass."""

import pathlib
import tempfile
import unittest

import check_style


class Rules(unittest.TestCase):
    def found(self, check, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                target = pathlib.Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            return check_style.findings(root, [check])

    def refuses(self, check, path, text):
        self.assertEqual(len(self.found(check, {path: text})), 1, (path, text))

    def accepts(self, check, path, text):
        self.assertEqual(self.found(check, {path: text}), [])

    def test_length(self):
        check = check_style.check_lengths
        self.refuses(check, "engine/base/a.h", "\n" * 151)
        self.accepts(check, "engine/base/a.h", "\n" * 150)
        self.refuses(check, "engine/base/a.cc", "\n" * 401)
        self.accepts(check, "engine/base/a.cc", "\n" * 400)

    def test_longer_files_have_a_limit_too(self):
        for path, limit in check_style.LONGER.items():
            self.accepts(check_style.check_lengths, path, "\n" * limit)
            self.refuses(check_style.check_lengths, path, "\n" * (limit + 1))

    def test_includes(self):
        check = check_style.check_includes
        places = {
            "liburing.h": "engine/io/a.cc",
            "zstd.h": "engine/format/a.cc",
            "xxhash.h": "engine/format/a.cc",
            "rocksdb/db.h": "engine/catalog/a.cc",
            "boost/asio/ip/tcp.hpp": "agent/control/a.cc",
            "boost/beast/http.hpp": "tools/restorectl/a.cc",
        }
        for header, place in places.items():
            self.accepts(check, place, f"#include <{header}>\n")
            self.refuses(check, "engine/pipeline/a.cc", f"#include <{header}>\n")
            self.refuses(check, "engine/base/a.h", f"#  include <{header}>\n")

    def test_public_headers_include_nothing_foreign(self):
        check = check_style.check_includes
        self.accepts(check, "include/restored/a.h", '#include <string>\n#include "restored/b.h"\n')
        self.refuses(check, "include/restored/a.h", "#include <fmt/core.h>\n")
        self.refuses(check, "include/restored/a.h", '#include "base/check.h"\n')

    def test_nothing_includes_tests(self):
        self.refuses(check_style.check_includes, "engine/io/a.cc", '#include "tests/support/a.h"\n')

    def test_range_deletes(self):
        check = check_style.check_range_deletes
        call = "db->Delete" + "Range(options, begin, end);\n"
        self.refuses(check, "engine/catalog/a.cc", call)
        self.accepts(check, "tests/catalog/a.cc", call)
        self.accepts(check, "engine/catalog/a.cc", "if (properties.num_range_deletions > 0) {\n")

    def test_names(self):
        check = check_style.check_names
        for path in ("engine/base/string_utils.h", "engine/common/a.h", "agent/restore-manager.cc"):
            self.refuses(check, path, "")
        self.refuses(check, "engine/base/a.h", "class BackupManager {\n")
        self.refuses(check, "engine/base/a.h", "namespace restored::io { struct helper_thing {\n")
        self.accepts(check, "engine/base/commonality.h", "class Manageress {\n")

    def test_readmes(self):
        check = check_style.check_readmes
        self.refuses(check, "engine/io/a.cc", "")
        self.accepts(check, "include/restored/a.h", "")
        files = {"engine/io/a.cc": "", "engine/io/README.md": "\n" * 20}
        self.assertEqual(self.found(check, files), [])
        files["engine/io/README.md"] = "\n" * 21
        self.assertEqual(len(self.found(check, files)), 1)

    def test_packages(self):
        check = check_style.check_packages
        listed = {"tools/packages.txt": "[run]\njq\n"}
        self.assertEqual(self.found(check, {**listed, "tools/a.sh": "jq . x\n"}), [])
        self.assertEqual(self.found(check, {**listed, "tools/a.sh": "# curl\nx/curl\n"}), [])
        self.assertEqual(len(self.found(check, {**listed, "tools/a.sh": "curl -s x\n"})), 1)
        self.assertEqual(len(self.found(check, {**listed, ".ci/run": "apt-get install jq\n"})), 1)
        self.assertEqual(
            len(self.found(check, {**listed, "CMakeLists.txt": "find_package(OpenSSL)\n"})), 1)
        self.assertEqual(
            len(self.found(check, {**listed, "CMakeLists.txt": "find_package(Novel)\n"})), 1)

    def test_texts(self):
        check = check_style.check_texts
        for place in ("/wor" + "k/tree", "/hom" + "e/ada/x", "/roo" + "t/x"):
            self.refuses(check, "README.md", f"see {place}\n")
        self.accepts(check, "README.md", "see /var/lib/restored, engine/restore/work/x\n")
        self.refuses(check, "engine/io/a.cc", "// TO" + "DO: later\n")

    def test_readme_facts(self):
        check = check_style.check_readme_facts
        code = {"agent/config/keys.cc": '      {"data.listen", text(x)},\n'}
        row = "| `data.listen` | x | y |\n"
        self.assertEqual(self.found(check, {**code, "README.md": row}), [])
        self.assertEqual(len(self.found(check, {**code, "README.md": ""})), 1)
        self.assertEqual(len(self.found(check, {"README.md": row})), 1)
        test = {"tests/io/a_test.cc": "TEST_F(SwapTest, Swaps) {\n"}
        self.assertEqual(self.found(check, {**test, "README.md": "`SwapTest.Swaps`"}), [])
        self.assertEqual(len(self.found(check, {**test, "README.md": "`SwapTest.Gone`"})), 1)

    def test_links(self):
        check = check_style.check_links
        self.refuses(check, "engine/io/README.md", "[a](../FORMAT.md)\n")
        self.assertEqual(
            self.found(check, {"a/README.md": "[a](../b.md#c) [d](https://x/y)\n", "b.md": ""}), [])

    def test_format(self):
        check = check_style.check_format
        style = {".clang-format": "BasedOnStyle: Google\n"}
        self.assertEqual(self.found(check, {**style, "a.cc": "int x = 1;\n"}), [])
        self.assertEqual(len(self.found(check, {**style, "a.cc": "int   x=1 ;\n"})), 1)


if __name__ == "__main__":
    unittest.main()
