"""Runs the checks of a script against one database and says which passed.

Called as: script.py <url of the database, with its trailing slash> <token>
"""

import json
import sys
import traceback

INTEGERS = [0, 1, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]
FLOATS = [0.5, -0.25, 0.1, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 123456789.123456789]
TEXTS = [
    "",
    "plain",
    "quotes ' \" ` and \\ backslash",
    "line\r\nbreaks\ttabs \x01\x1f\x7f",
    "nul \x00 inside",
    "äöü ß ñ \u0301 combining",
    "日本語 العربية עברית हिन्दी",
    "😀👩‍👩‍👧‍👦🏳️‍🌈 \U0010ffff \ufffe \u2028",
    "x" * 100_000,
]
BLOBS = [b"", b"\x00", bytes(range(256)), b"\xff\xfe not UTF-8 \xc3\x28", bytes(i * 31 % 256 for i in range(1 << 20))]


def run(checks):
    url, token = sys.argv[1], sys.argv[2]
    passed = []
    for check in checks:
        try:
            check(url, token)
        except BaseException:
            print(f"{check.__name__} failed", file=sys.stderr)
            traceback.print_exc()
            sys.exit(1)
        passed.append(check.__name__)
    print(json.dumps(passed))


def raises(kind, *words):
    """A context that wants an error of this kind with these words in it."""
    return _Raises(kind, words)


class _Raises:
    def __init__(self, kind, words):
        self.kind, self.words = kind, words

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, f"no error, but expected {self.words}"
        if not isinstance(error, self.kind):
            return False
        for word in self.words:
            assert word in str(error), f"{word!r} is not in {error!s}"
        return True


def same(found, wanted):
    """Equal and of the same type: 1 is not 1.0."""
    assert type(found) is type(wanted) and found == wanted, f"{found!r} is not {wanted!r}"[:500]
