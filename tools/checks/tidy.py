# SPDX-License-Identifier: Apache-2.0
"""Checks first lines, sizes, include order and tables: the part of our style that a program can judge."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from . import source
from .source import Finding

FILE_LINES_MAX = 1000
FILE_LINES_WARN = 400
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 140

CPP_FOLDERS = ("src/", "include/", "tests/", "bench/")
SLASH_COMMENTS = (".cpp", ".hpp", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".java", ".go")
HASH_COMMENTS = (".py", ".sh", ".cmake")
HASH_NAMES = ("CMakeLists.txt", "Makefile", ".clang-format", ".clang-tidy", "layers.txt")
SPDX = "SPDX-License-Identifier: Apache-2.0"
INDEXED_FOLDERS = ("docs/adr", "docs/guide", "docs/formats", "docs/protocols")

_OPEN_TASK = re.compile(r"(?://|#|/?\*|<!--).*\b(TOD[O]|FIXM[E])\b")  # brackets, so that it does not find itself
_ISSUE = re.compile(r"#\d+")
_TABLE_FOLDER = re.compile(r"^\|\s*\[?`([\w./-]+)/`")


def is_cpp(path: str) -> bool:
    return path.endswith(source.CPP) and path.startswith(CPP_FOLDERS)


def is_script(path: str, text: str) -> bool:
    return (path.endswith(HASH_COMMENTS) or path.rsplit("/", 1)[-1] in HASH_NAMES
            or ("." not in path.rsplit("/", 1)[-1] and text.startswith("#!")))


def check_first_lines(path: str, text: str) -> list[Finding]:
    lines = text.splitlines() + ["", ""]
    if path.endswith(SLASH_COMMENTS):
        first = 1 if lines[0].startswith("#!") else 0
        if lines[first] != f"// {SPDX}":
            return [Finding(path, first + 1, f"line {first + 1} must be `// {SPDX}`")]
        if is_cpp(path) and not re.match(r"//! \S", lines[1]):
            return [Finding(path, 2, "line 2 must be a `//!` sentence that says what the file is")]
    elif is_script(path, text):
        first = 1 if lines[0].startswith("#!") else 0
        if lines[first] != f"# {SPDX}":
            return [Finding(path, first + 1, f"line {first + 1} must be `# {SPDX}`")]
    return []


def check_lines(path: str, text: str) -> list[Finding]:
    findings = []
    lines = text.splitlines()
    tabs_belong = path.rsplit("/", 1)[-1] == "Makefile" or path.endswith(".go")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            findings.append(Finding(path, number, f"{len(line)} columns, {LINE_COLUMNS_MAX} are allowed"))
        if "\t" in line and not tabs_belong:
            findings.append(Finding(path, number, "a tab; indent with spaces"))
        task = _OPEN_TASK.search(line)
        if task and not _ISSUE.search(line):
            findings.append(Finding(path, number, f"{task.group(1)} without an issue number (#123)"))
    if len(lines) > FILE_LINES_MAX:
        findings.append(Finding(path, len(lines), f"{len(lines)} lines, {FILE_LINES_MAX} are allowed"))
    return findings


def check_includes(path: str, text: str, files: set[str]) -> list[Finding]:
    """`#pragma once` in headers; a source file's own header before all others."""
    if path.endswith(".hpp"):
        code = source.code_only(text, keep_strings=True)
        first = next((line.strip() for line in code.splitlines() if line.strip()), "")
        return [] if first == "#pragma once" else [Finding(path, 3, "a header begins with #pragma once, before any other code")]
    own = path.removesuffix(".cpp") + ".hpp"
    if own not in files:
        return []
    wanted = re.sub(r"^(src|include)/", "", own)
    found = source.includes(text)
    if found and found[0][2] and ("/" + own).endswith("/" + found[0][1]):
        return []
    return [Finding(path, found[0][0] if found else 3, f'the first include must be the own header, "{wanted}"')]


_TYPE_HEAD = re.compile(r"(?:(?:export|inline|static|constexpr|typedef|extern)\s+)*(?:namespace|class|struct|union|enum)\b")


def _without_templates(head: str) -> str:
    """A declaration's head without its leading template<…> lists, attributes and alignas."""
    head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^)]*\)", " ", head, flags=re.DOTALL).strip()
    while head.startswith("template"):
        angles = parens = 0
        for at in range(len("template"), len(head)):
            parens += {"(": 1, ")": -1}.get(head[at], 0)
            angles += {"<": 1, ">": -1}.get(head[at], 0) if parens == 0 else 0
            if angles == 0 and head[at] == ">":
                break
        head = head[at + 1:].strip()
    return head


def _opens(head: str) -> str:
    """What a brace after `head` opens outside functions: 'scope', 'function' or 'value'."""
    head = _without_templates(re.sub(r"^\s*(?:(?:public|private|protected)\s*:\s*)+", "", head))
    if _TYPE_HEAD.match(head) and "(" not in head.split(":", 1)[0]:
        return "scope"
    if not head or re.fullmatch(r'extern\s*"\s*"', head):
        return "scope" if head else "value"
    return "function" if ")" in head and head.count("(") == head.count(")") else "value"


def long_functions(text: str, lines_max: int = FUNCTION_LINES_MAX) -> list[tuple[int, int]]:
    """(first line, number of lines) of each function body above `lines_max`; nothing where braces do not pair up."""
    code = source.without_directives(source.code_only(text))
    stack: list[tuple[str, int]] = []
    found: list[tuple[int, int]] = []
    head_from = 0
    for match in re.finditer(r"[{};]", code):
        mark, at = match.group(), match.start()
        outer = stack[-1][0] if stack else "scope"
        if mark == "{":
            kind = _opens(code[head_from:at]) if outer == "scope" else "inner"
            stack.append((kind, at))
        elif mark == "}":
            if not stack:
                return []
            kind, start = stack.pop()
            lines = code.count("\n", start, at) + 1
            if kind == "function" and lines > lines_max:
                found.append((source.line_of(code, start), lines))
        head_from = at + 1
    return [] if stack else found


def check_functions(path: str, text: str) -> list[Finding]:
    return [Finding(path, line, f"a function of {lines} lines, {FUNCTION_LINES_MAX} are allowed")
            for line, lines in long_functions(text)]


def check_folder_table(root: Path, files: list[str]) -> list[Finding]:
    """README's table of folders against the tree: top-level folders, and those of src/."""
    real = {f.split("/")[0] for f in files if "/" in f and not f.startswith(".")} - {"src"}
    real |= {"/".join(f.split("/")[:2]) for f in files if f.startswith("src/") and f.count("/") > 1}
    if not (root / "README.md").is_file():
        return [Finding("README.md", 1, "there is no README.md")]
    rows = {}
    for number, line in enumerate(source.read(root, "README.md").splitlines(), 1):
        match = _TABLE_FOLDER.match(line)
        if match:
            rows[match.group(1)] = number
    findings = [Finding("README.md", 1, f"the table of folders has no row for `{name}/`") for name in sorted(real - rows.keys())]
    return findings + [Finding("README.md", line, f"the table of folders names `{name}/`, which does not exist")
                       for name, line in rows.items() if not (root / name).is_dir()]


def check_indexes(root: Path, files: list[str]) -> list[Finding]:
    """Each page of docs/adr, docs/guide … is linked from that folder's README.md, where there is one."""
    findings = []
    for folder in INDEXED_FOLDERS:
        index = f"{folder}/README.md"
        if index not in files:
            continue
        text = source.read(root, index)
        pages = [f.removeprefix(folder + "/") for f in files if f.startswith(folder + "/") and f.endswith(".md") and f != index]
        findings += [Finding(index, 1, f"no link to {page}") for page in pages if f"({page}" not in text]
    return findings


def check_file(path: str, text: str, files: set[str]) -> list[Finding]:
    """Everything that is judged by one file alone."""
    checked = path.endswith(SLASH_COMMENTS) or is_script(path, text)
    if not checked:
        return []
    findings = check_first_lines(path, text) + check_lines(path, text)
    if is_cpp(path):
        findings += check_includes(path, text, files) + check_functions(path, text)
    return findings


def check(root: Path) -> tuple[list[Finding], list[str], int]:
    """Findings, warnings, and how many files belong to the tree."""
    files = source.list_files(root)
    findings = check_folder_table(root, files) + check_indexes(root, files)
    warnings = []
    known = set(files)
    for path in files:
        if path.endswith((".md", ".json", ".svg", ".png")) or path == "LICENSE":
            continue
        text = source.read(root, path)
        findings += check_file(path, text, known)
        if is_cpp(path) and FILE_LINES_WARN < text.count("\n") <= FILE_LINES_MAX:
            warnings.append(f"{path}: {text.count(chr(10))} lines; above {FILE_LINES_WARN}, ask whether it is two things")
    return sorted(findings), warnings, len(files)


def main() -> int:
    findings, warnings, files = check(Path(__file__).resolve().parents[2])
    for warning in warnings:
        print(f"note: {warning}")
    for finding in findings:
        print(finding)
    print(f"tidy: {files} files, {len(findings)} findings")
    return 1 if findings else 0
