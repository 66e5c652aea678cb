#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the message descriptions in src/protocols/kafka/schema into the C++ of the Kafka codec.

Usage: kafka.py OUTPUT_DIR SCHEMA...
For each GROUP.schema it writes
  GROUP_messages.hpp, .cpp    the structs, with read() of requests and write() of responses: the broker's side
  GROUP_client.hpp, .cpp      write() of requests and read() of responses: the side of tests and drivers
  GROUP_testing.cpp           fill_fields() with random values and describe_fields(), for tests
and over all of them api.hpp (the table of APIs) and message_list.cpp (the table of messages for tests).
A fault in a schema is reported with its line, and nothing is written.

  api <Name> <key> <versions> [flexible <first version>] [advertised <lowest version>] [| meaning]
    request
      <type> <field> [<versions>] [tag <n>] [= <default>] [| meaning]      in wire order, tagged fields anywhere
        <type> <field> …                                                   of a struct, indented below its first use
    response
      …
  message <Name> <versions> [| meaning]      no API: found inside of bytes fields; fields follow, indented once

<versions>   3, 3-5, 3+, -5; without them a field is in all versions of its message
<type>       bool int8 int16 int32 int64 uint16 uint32 float64 uuid error (an int16) string bytes records, a struct's Name, or an
             array of any of them in brackets; a ? behind it: may be null, with versions: only in those (string?7+)
advertised   brokers tell clients this lower version than they serve
"""
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

SIZES = {"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint16": 2, "uint32": 4, "float64": 8, "uuid": 16, "error": 2}
CPP = {"bool": "bool", "float64": "double", "uuid": "Uuid", "error": "ApiError", "string": "std::string_view", "bytes": "ByteView",
       "records": "ByteView",
       **{name: f"std::{name}_t" for name in ("int8", "int16", "int32", "int64", "uint16", "uint32")}}
METHODS = ("string", "bytes", "records", "uuid", "float64", "error")  # of Decoder and Encoder, named after the type
RESERVED = {"class", "default", "delete", "namespace", "new", "operator", "private", "public", "register", "template", "this",
            "typename", "union", "using", "virtual", "versions", "api", "message_name"}
ANY = 0x7FFF
HEADING = "// Generated from src/protocols/kafka/schema by tools/codegen/kafka.py: change those.\n"


class SchemaError(Exception):
    pass


@dataclass
class Field:
    type: str
    name: str
    array: bool
    nullable: tuple | None
    versions: tuple
    tag: int | None
    default: str | None
    meaning: str

    @property
    def is_struct(self):
        return self.type not in CPP

    def in_version(self, version):
        return self.versions[0] <= version <= self.versions[1]


@dataclass
class Struct:
    name: str
    fields: list = field(default_factory=list)


@dataclass
class Message:
    """A request, a response, or a message that is neither."""
    name: str
    kind: str
    api: str
    versions: tuple
    flexible: int
    meaning: str
    top: Struct = None
    structs: dict = field(default_factory=dict)

    @property
    def cpp_records(self):
        return "Pieces" if self.kind == "response" else "ByteView"


@dataclass
class Api:
    name: str
    key: int
    versions: tuple
    flexible: int
    advertised: int


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


# ---- reading ----

def parse_versions(text, whole):
    match = re.fullmatch(r"(\d+)(\+|-(\d+))?|-(\d+)", text)
    if not match:
        return None
    if match[4]:
        return whole[0], int(match[4])
    low = int(match[1])
    return low, whole[1] if match[2] == "+" else int(match[3] or low)


class Schema:
    def __init__(self, path):
        self.group = path.stem
        self.apis, self.messages = [], []
        self.message, self.open = None, []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            head, _, meaning = line.partition("|")
            if not head.strip() or head.lstrip().startswith("#"):
                continue
            try:
                self.add_line(head.rstrip(), meaning.strip())
            except (SchemaError, ValueError, IndexError) as error:
                raise SchemaError(f"{path.name}:{number}: {error}") from None

    def add_line(self, head, meaning):
        depth, words = (len(head) - len(head.lstrip())) // 2, head.split()
        if words[0] == "api":
            self.add_api(words[1:])
        elif words[0] == "message":
            self.add_message(words[1], "data", "", parse_versions(words[2], (0, 0)), ANY, meaning, 1)
        elif words in (["request"], ["response"]):
            api = self.apis[-1]
            self.add_message(api.name + words[0].capitalize(), words[0], api.name, api.versions, api.flexible, meaning, 2)
        else:
            self.add_field(depth, words, meaning)

    def add_api(self, words):
        options = dict(zip(words[3::2], words[4::2]))
        versions = parse_versions(words[2], (0, 0))
        if len(words) % 2 == 0 or not versions or set(options) - {"flexible", "advertised"}:
            raise SchemaError("api <Name> <key> <versions> [flexible <version>] [advertised <version>]")
        self.apis.append(Api(words[0], int(words[1]), versions, int(options.get("flexible", ANY)),
                             int(options.get("advertised", versions[0]))))

    def add_message(self, name, kind, api, versions, flexible, meaning, depth):
        self.message = Message(name, kind, api, versions, flexible, meaning, Struct(name))
        self.messages.append(self.message)
        self.open = [(depth, self.message.top)]

    def add_field(self, depth, words, meaning):
        while self.open and self.open[-1][0] > depth:
            self.open.pop()
        if not self.open or self.open[-1][0] != depth:
            raise SchemaError("indented neither as a field nor as one of a struct")
        parsed = self.parse_field(words, meaning)
        fields = self.open[-1][1].fields
        if any(f.name == parsed.name for f in fields) or parsed.name in RESERVED:
            raise SchemaError(f"the name {parsed.name} is taken")
        fields.append(parsed)
        if parsed.is_struct and parsed.type not in self.message.structs:
            self.message.structs[parsed.type] = Struct(parsed.type)
            self.open.append((depth + 1, self.message.structs[parsed.type]))

    def parse_field(self, words, meaning):
        whole = self.message.versions
        match = re.fullmatch(r"(\[?)(\w+)(\]?)(\?(\S*))?", words[0])
        if not match or bool(match[1]) != bool(match[3]) or not re.fullmatch(r"[a-z][a-z0-9_]*", words[1]):
            raise SchemaError(f"<type> <field> …, not '{' '.join(words)}'")
        if match[2] not in CPP and not match[2][0].isupper():
            raise SchemaError(f"there is no type {match[2]}")
        rest, versions, tag, default = words[2:], whole, None, None
        if rest and parse_versions(rest[0], whole):
            versions, rest = parse_versions(rest[0], whole), rest[1:]
        if rest[:1] == ["tag"]:
            tag, rest = int(rest[1]), rest[2:]
        if rest[:1] == ["="]:
            default, rest = rest[1], rest[2:]
        if rest:
            raise SchemaError(f"what is '{' '.join(rest)}'?")
        nullable = (parse_versions(match[5], whole) if match[5] else whole) if match[4] else None
        parsed = Field(match[2], words[1], bool(match[1]), nullable, versions, tag, default, meaning)
        self.check_field(parsed)
        return parsed

    def check_field(self, f):
        low, high = self.message.versions
        if not low <= f.versions[0] <= f.versions[1] <= high:
            raise SchemaError(f"{f.name}: versions beyond those of the message")
        if f.tag is not None and f.versions[0] < self.message.flexible:
            raise SchemaError(f"{f.name}: a tagged field in a version that is not flexible")
        if f.tag is not None and f.nullable and (f.array or f.type != "string"):
            raise SchemaError(f"{f.name}: only strings may be tagged and null")
        if f.array and f.type in ("bytes", "records", "bool", "uuid", "error"):
            raise SchemaError(f"{f.name}: no arrays of {f.type}")
        if f.is_struct and not f.array and f.nullable not in (None, (low, high)):
            raise SchemaError(f"{f.name}: a struct may be null in all versions or in none")
        if f.default is not None and (f.array or f.is_struct or f.type in ("string", "bytes", "records", "uuid", "error")):
            raise SchemaError(f"{f.name}: no defaults for {f.type}")


# ---- types ----

def cpp_type(message, f):
    base = message.cpp_records if f.type == "records" else CPP.get(f.type, f.type)
    if f.array:
        base = f"std::vector<{base}>"
    optional = f.nullable or (f.tag is not None and f.is_struct and not f.array)
    return f"std::optional<{base}>" if optional else base


def literal(f):
    if f.type == "error":
        return "ApiError::none"
    if f.type == "bool":
        return f.default or "false"
    value = f.default or "0"
    if value == "-2147483648":
        return "INT32_MIN"
    return "INT64_MAX" if value == "9223372036854775807" else value


def wire_size_min(message, struct_name):
    """The fewest bytes that a struct takes in any version."""
    return max(1, min(size_in_version(message, message.structs[struct_name], v)
                      for v in range(message.versions[0], message.versions[1] + 1)))


def size_in_version(message, struct, version):
    flexible = version >= message.flexible
    size = 1 if flexible else 0
    for f in struct.fields:
        if not f.in_version(version) or f.tag is not None:
            continue
        if f.array or f.type in ("bytes", "records"):
            size += 1 if flexible else 4
        elif f.type == "string":
            size += 1 if flexible else 2
        elif f.is_struct:
            size += 1 if f.nullable else size_in_version(message, message.structs[f.type], version)
        else:
            size += SIZES[f.type]
    return size


def element_size(message, f):
    return wire_size_min(message, f.type) if f.is_struct else 1 if f.type == "string" else SIZES[f.type]


# ---- conditions ----

def condition(message, versions):
    (low, high), (first, last) = versions, message.versions
    if low <= first and high >= last:
        return ""
    if low == high:
        return f"v == {low}"
    return " && ".join(([f"v >= {low}"] if low > first else []) + ([f"v <= {high}"] if high < last else []))


def null_allowed(message, f):
    return condition(message, f.nullable) or "true"


def guarded(test, lines):
    if not test:
        return lines
    if len(lines) == 1 and not lines[0].startswith(("if", "for", "{")):
        return [f"if ({test}) {lines[0]}"]
    return [f"if ({test}) {{"] + ["    " + line for line in lines] + ["}"]


def function(signature, lines):
    body = "".join(f"    {line}\n" for line in lines)
    return f"{signature} {{\n{body}}}\n"


def with_version(source, lines):
    return ([f"const std::int16_t v = {source}.version();"] if any(re.search(r"\bv [<>=]", line) for line in lines) else []) + lines


def regular(struct):
    return [f for f in struct.fields if f.tag is None]


def tagged(struct):
    return sorted((f for f in struct.fields if f.tag is not None), key=lambda f: f.tag)


# ---- read ----

def read_value(message, f):
    m = f"m.{f.name}"
    if f.array:
        return read_array(message, f, m)
    if f.is_struct:
        target = f"{m}.emplace()" if f.nullable or f.tag is not None else m
        lines = [f"read(in, {target});"]
        return guarded("in.present()", lines) if f.nullable else lines
    if f.type == "records" and message.kind == "response":
        return [f"{m}.first = in.records();"]
    if f.type in ("string", "bytes") and f.nullable:
        return [f"{m} = in.nullable_{f.type}({null_allowed(message, f)});"]
    if f.type in METHODS:
        return [f"{m} = in.{f.type}();"]
    return [f"{m} = in.boolean();" if f.type == "bool" else f"{m} = in.number<{CPP[f.type]}>();"]


def read_array(message, f, m):
    size = element_size(message, f)
    target = f"*{m}" if f.nullable else m
    each = f"for (auto& element : {target}) read(in, element);" if f.is_struct else f"in.read_all({target});"
    if f.nullable:
        return [f"if (in.nullable_array({m}, {size}, {null_allowed(message, f)})) {{", f"    {each}", "}"]
    return [f"in.array({m}, {size});", each]


def read_tags(message, struct):
    fields = tagged(struct)
    if message.flexible > message.versions[1]:
        return []
    if not fields:
        return ["in.skip_tags();"]
    # Below the first flexible version there are no tagged fields at all.
    lines = ["for (std::uint32_t n = in.tag_count(); n > 0 && !in.failed(); --n) {", "    const Decoder::Tag tag = in.begin_tag();",
             "    switch (tag.id) {"]
    for f in fields:
        test = condition(message, f.versions) if f.versions[0] > message.flexible else ""
        lines.append(f"        case {f.tag}:")
        if test:
            lines += [f"            if (!({test})) {{", "                in.skip_tag(tag);", "                break;", "            }"]
        lines += ["            " + line for line in read_value(message, f)] + ["            break;"]
    return lines + ["        default: in.skip_tag(tag); break;", "    }", "    in.end_tag(tag);", "}"]


def read_function(message, struct, qualifier, prefix=""):
    lines = []
    for f in regular(struct):
        lines += guarded(condition(message, f.versions), read_value(message, f))
    lines = with_version("in", lines + read_tags(message, struct))
    unused = "" if struct.fields else "[[maybe_unused]] "
    reader = "" if lines else "[[maybe_unused]] "
    return function(f"{prefix}void read({reader}Decoder& in, {unused}{qualifier}& m)", lines)


# ---- write ----

def write_value(message, f):
    m = f"m.{f.name}"
    if f.array:
        return write_array(message, f, m)
    if f.is_struct:
        if f.tag is not None:
            return [f"write(out, *{m});"]
        return [f"out.present({m}.has_value());", f"if ({m}) write(out, *{m});"] if f.nullable else [f"write(out, {m});"]
    if f.nullable:
        return [f"out.nullable_{f.type}({m}, {null_allowed(message, f)});"]
    if f.type in METHODS:
        return [f"out.{f.type}({m});"]
    return [f"out.boolean({m});" if f.type == "bool" else f"out.number({m});"]


def write_array(message, f, m):
    target = f"*{m}" if f.nullable else m
    size = f"{m}->size()" if f.nullable else f"{m}.size()"
    each = [f"out.write_all({target});"] if not f.is_struct else [f"out.array_size({size});",
                                                                 f"for (const auto& element : {target}) write(out, element);"]
    if not f.nullable:
        return each
    return [f"if ({m}) {{"] + ["    " + line for line in each] + ["} else {", f"    out.null_array({null_allowed(message, f)});", "}"]


def is_present(f):
    if f.array:
        return f"!m.{f.name}.empty()"
    if f.is_struct or f.nullable:
        return f"m.{f.name}.has_value()"
    if f.type in ("string", "bytes"):
        return f"!m.{f.name}.empty()"
    return f"m.{f.name} != " + ("Uuid{}" if f.type == "uuid" else literal(f))


def write_tags(message, struct):
    if message.flexible > message.versions[1]:
        return []
    fields = tagged(struct)
    if not fields:
        return ["out.tag_count(0);"]
    lines = []
    for f in fields:
        test = condition(message, f.versions)
        lines.append(f"const bool has_{f.name} = {f'{test} && ' if test else ''}{is_present(f)};")
    lines.append("out.tag_count(" + " + ".join(f"std::uint32_t{{has_{f.name}}}" for f in fields) + ");")
    for f in fields:
        lines += [f"if (has_{f.name}) {{", f"    const std::size_t at = out.begin_tag({f.tag});"]
        lines += ["    " + line for line in write_value(message, f)] + ["    out.end_tag(at);", "}"]
    return lines


def write_function(message, struct, qualifier, prefix=""):
    lines = []
    for f in regular(struct):
        lines += guarded(condition(message, f.versions), write_value(message, f))
    lines = with_version("out", lines + write_tags(message, struct))
    unused = "" if struct.fields else "[[maybe_unused]] "
    writer = "" if lines else "[[maybe_unused]] "
    return function(f"{prefix}void write({writer}Encoder& out, {unused}const {qualifier}& m)", lines)


# ---- test support ----

def fill_function(message, struct, qualifier, prefix=""):
    lines = []
    for f in struct.fields:
        m, call = f"m.{f.name}", f"random.fill({f'm.{f.name}'});"
        if f.nullable:
            call = f"random.fill_nullable({m}, {null_allowed(message, f)});"
        elif f.tag is not None and f.is_struct and not f.array:
            call = f"random.fill_nullable({m}, true);"
        lines += guarded(condition(message, f.versions), [call])
    body = with_version("random", lines)
    return function(f"{prefix}void fill_fields([[maybe_unused]] RandomMessage& random, [[maybe_unused]] {qualifier}& m)", body)


def describe_function(struct, qualifier, prefix=""):
    lines = [f'out.field("{f.name}", m.{f.name});' for f in struct.fields]
    return function(f"{prefix}void describe_fields([[maybe_unused]] Description& out, [[maybe_unused]] const {qualifier}& m)", lines)


# ---- files ----

def all_functions(message, make):
    """make() for each struct of the message, inner ones first and known only to the file; the message's own comes last."""
    text = "".join(make(s, f"{message.name}::{s.name}", "static ") for s in inner_first(message))
    return text + make(message.top, message.name, "") + "\n"


def inner_first(message):
    order = []

    def visit(struct):
        for f in struct.fields:
            if f.is_struct and message.structs[f.type] not in order:
                visit(message.structs[f.type])
                order.append(message.structs[f.type])
    visit(message.top)
    return order


def member(message, f):
    initial = "" if f.array or f.nullable or f.is_struct or f.type in ("string", "bytes", "records", "uuid") else f" = {literal(f)}"
    brace = "{}" if not initial and f.type in ("bytes", "records", "uuid") and not f.array and not f.nullable else ""
    notes = [f.meaning] if f.meaning else []
    low, high = f.versions
    if f.versions != message.versions:
        notes.append(f"v{low}" if low == high else f"v{low}+" if high == message.versions[1] else f"v{low} to v{high}")
    comment = f"  ///< {'; '.join(notes)}" if notes else ""
    return f"    {cpp_type(message, f)} {f.name}{brace}{initial};{comment}\n"


def struct_text(message):
    low, high = message.versions
    kind = f"{message.api}, {message.kind}" if message.api else message.name
    # Inner structs stand outside, with a name for them inside: an optional of a struct whose initial values stand in a class
    # that is not complete yet cannot be made.
    inner, parts = inner_first(message), f"{snake(message.name)}_parts"
    text = ""
    if inner:
        text += f"/// The structs of {message.name}, which has names for them.\nnamespace {parts} {{\n"
        text += "".join(f"struct {s.name} {{\n" + "".join(member(message, f) for f in s.fields) + "};\n" for s in inner)
        text += f"}}  // namespace {parts}\n\n"
    text += f"/// {kind}, v{low} to v{high}{': ' + message.meaning if message.meaning else ''}.\nstruct {message.name} {{\n"
    if message.api:
        text += f"    static constexpr ApiKey api = ApiKey::{snake(message.api)};\n"
    flexible = "flexible_never" if message.flexible == ANY else message.flexible
    text += f"    static constexpr VersionRange versions{{{low}, {high}, {flexible}}};\n"
    text += f'    static constexpr std::string_view message_name = "{message.name}";\n'
    text += "".join(f"    using {s.name} = {parts}::{s.name};\n" for s in inner) + "\n"
    return text + "".join(member(message, f) for f in message.top.fields) + "};\n"


def file_text(sentence, includes, body, header):
    own = "#pragma once\n\n" if header else ""
    lines = "".join(f"\n" if not i else f"#include {i}\n" for i in includes)
    return (f"// SPDX-License-Identifier: Apache-2.0\n//! {sentence}\n{HEADING}{own}{lines}\n"
            f"namespace fantail::kafka {{\n\n{body}\n}}  // namespace fantail::kafka\n")


def declare(messages, verb):
    parameters = {"read": "Decoder& in, {}& m", "write": "Encoder& out, const {}& m"}[verb]
    return "".join(f"void {verb}({parameters.format(m.name)});\n" for m in messages)


def define(messages, verb):
    make = {"read": read_function, "write": write_function}[verb]
    return "".join(all_functions(m, lambda s, q, p, m=m: make(m, s, q, p)) for m in messages)


def of_kind(schema, *kinds):
    return [m for m in schema.messages if m.kind in kinds]


def group_files(schema):
    group, include = schema.group, '"protocols/kafka/'
    requests, responses = of_kind(schema, "request", "data"), of_kind(schema, "response")
    structs = "\n".join(struct_text(m) for m in schema.messages)
    yield f"{group}_messages.hpp", file_text(
        f"Kafka messages of {group}, and the broker's side of their codec: use decode() and encode() of codec.hpp.",
        [include + 'api.hpp"', include + 'codec.hpp"'],
        structs + "\n" + declare(requests, "read") + declare(responses, "write"), True)
    yield f"{group}_messages.cpp", file_text(
        f"Decodes requests and encodes responses of {group}.", [f'{include}{group}_messages.hpp"'],
        define(requests, "read") + define(responses, "write"), False)
    yield f"{group}_client.hpp", file_text(
        f"The client's side of the codec of Kafka messages of {group}.", [f'{include}{group}_messages.hpp"'],
        declare(requests, "write") + declare(responses, "read"), True)
    yield f"{group}_client.cpp", file_text(
        f"Encodes requests and decodes responses of {group}.", [f'{include}{group}_client.hpp"'],
        define(requests, "write") + define(responses, "read"), False)
    tests = "".join(all_functions(m, lambda s, q, p, m=m: fill_function(m, s, q, p) + describe_function(s, q, p))
                    for m in schema.messages)
    table = "".join(f"    list.push_back(message_of<{m.name}>({'true' if m.kind != 'response' else 'false'}));\n" for m in schema.messages)
    yield f"{group}_testing.cpp", file_text(
        f"Random values and descriptions of Kafka messages of {group}, for tests.",
        [f'{include}{group}_client.hpp"', include + 'testing.hpp"'],
        tests + f"void add_{group}_messages(std::vector<TestMessage>& list) {{\n{table}}}\n", False)


def api_hpp(schemas):
    apis = sorted((a for s in schemas for a in s.apis), key=lambda a: a.key)
    keys = "".join(f"    {snake(a.name)} = {a.key},\n" for a in apis)
    rows = "".join(f'    {{ApiKey::{snake(a.name)}, "{a.name}", {{{a.versions[0]}, {a.versions[1]}, '
                   f'{"flexible_never" if a.flexible == ANY else a.flexible}}}, {a.advertised}}},\n' for a in apis)
    return file_text("The Kafka APIs that the codec speaks, and their versions.", ["<array>", "", '"protocols/kafka/wire.hpp"'], f"""\
/// An API's number on the wire. A request may hold others, which find_api() does not know.
enum class ApiKey : std::int16_t {{
{keys}}};

/// What is known of an API.
struct ApiInfo {{
    ApiKey key;
    std::string_view name;
    VersionRange versions;       ///< those the codec speaks
    std::int16_t advertised_min;  ///< the lowest that ApiVersions tells; lower than what is served where clients want it so
}};

/// Ordered by key.
inline constexpr std::array<ApiInfo, {len(apis)}> api_table{{{{
{rows}}}}};

/// What is known of `key`; null if nothing.
[[nodiscard]] constexpr const ApiInfo* find_api(ApiKey key) {{
    for (const ApiInfo& info : api_table) {{
        if (info.key == key) return &info;
    }}
    return nullptr;
}}
""", True)


def message_list_cpp(schemas):
    declared = "".join(f"void add_{s.group}_messages(std::vector<TestMessage>& list);\n" for s in schemas)
    calls = "".join(f"    add_{s.group}_messages(list);\n" for s in schemas)
    return file_text("The table of all Kafka messages, for tests.", ['"protocols/kafka/testing.hpp"'],
                     f"{declared}\nstd::vector<TestMessage> all_messages() {{\n    std::vector<TestMessage> list;\n{calls}"
                     "    return list;\n}\n", False)


def check_all(schemas):
    keys, names = set(), set()
    for schema in schemas:
        for api in schema.apis:
            if api.key in keys:
                raise SchemaError(f"{schema.group}: key {api.key} is there already")
            keys.add(api.key)
        for m in schema.messages:
            if m.name in names or not (m.top.fields or m.kind == "request"):
                raise SchemaError(f"{schema.group}: {m.name} is there already, or empty")
            names.add(m.name)
            empty = [s.name for s in m.structs.values() if not s.fields]
            if empty:
                raise SchemaError(f"{schema.group}: {m.name}: no fields for {empty[0]}")


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    try:
        schemas = [Schema(Path(path)) for path in arguments[1:]]
        check_all(schemas)
    except SchemaError as error:
        sys.exit(f"error: {error}")
    output = Path(arguments[0])
    output.mkdir(parents=True, exist_ok=True)
    for schema in schemas:
        for name, text in group_files(schema):
            (output / name).write_text(text)
    (output / "api.hpp").write_text(api_hpp(schemas))
    (output / "message_list.cpp").write_text(message_list_cpp(schemas))


if __name__ == "__main__":
    main(sys.argv[1:])
