# SPDX-License-Identifier: Apache-2.0
"""Reading a source tree: which files belong to it, and C++ text without what is not code."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CPP = (".cpp", ".hpp")
NOT_OURS = {".git", "build", "data", "node_modules", "__pycache__"}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing wrong: a path relative to the root, a line counted from 1, and a sentence."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def list_files(root: Path) -> list[str]:
    """The tree's own files, sorted, relative to `root`: what git tracks or would add; without git, all but build output."""
    try:
        out = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z", "."],
                             capture_output=True, check=True).stdout
        names = {name for name in out.decode().split("\0") if name}
    except (OSError, subprocess.CalledProcessError):
        names = set()
        for folder, subfolders, files in os.walk(root):
            subfolders[:] = [s for s in subfolders if s not in NOT_OURS]
            names.update(os.path.relpath(os.path.join(folder, f), root) for f in files)
    return sorted(name for name in names if (root / name).is_file())


def read(root: Path, path: str) -> str:
    return (root / path).read_text(encoding="utf-8", errors="replace")


# In the order in which they must be tried; numbers are there so that 1'000 does not open a character literal.
_TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z))
      | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<string>"(?:\\.|[^"\\\n])*"?)
      | (?P<number>(?<![A-Za-z0-9_])\d(?:'?[\w.])*)
      | (?P<char>'(?:\\.|[^'\\\n])*'?)""",
    re.VERBOSE | re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def code_only(text: str, keep_strings: bool = False) -> str:
    """C++ with comments (and, unless kept, literals' contents) blanked, every character at its old line and column."""

    def replace(match: re.Match[str]) -> str:
        token = match.group()
        if match.lastgroup == "number" or (keep_strings and match.lastgroup != "comment"):
            return token
        if match.group("comment"):
            return _blank(token)
        return '"' + _blank(token[1:-1]) + '"' if len(token) > 1 else " "

    return _TOKEN.sub(replace, text)


def without_directives(code: str) -> str:
    """The same with preprocessor lines, continuations included, blanked."""
    return _DIRECTIVE.sub(lambda m: _blank(m.group()), code)


def includes(text: str) -> list[tuple[int, str, bool]]:
    """(line, name, written in quotes) of each #include that is not commented out."""
    code = code_only(text, keep_strings=True)
    return [(line_of(code, m.start(1) if m.group(1) else m.start(2)), m.group(1) or m.group(2), bool(m.group(1)))
            for m in _INCLUDE.finditer(code)]


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
