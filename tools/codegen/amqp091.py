#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns src/protocols/amqp091/methods.schema into the C++ of the AMQP 0-9-1 codec.

Usage: amqp091.py SCHEMA OUTPUT_DIR
Writes methods.hpp, methods.cpp, method_fields.hpp, basic_properties.hpp and basic_properties.cpp.
A fault in the schema is reported with its line, and nothing is written.
"""
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

FIXED = {"octet": (1, "std::uint8_t"), "short": (2, "std::uint16_t"), "long": (4, "std::uint32_t"),
         "longlong": (8, "std::uint64_t"), "timestamp": (8, "std::uint64_t")}
VARIABLE = {"shortstr": (1, "std::string_view"), "longstr": (4, "std::string_view"), "table": (4, "ByteView")}
DIRECTIONS = {"to-server": "to_server", "to-client": "to_client", "both": "both"}
HEADING = "// Generated from src/protocols/amqp091/methods.schema by tools/codegen/amqp091.py: change those.\n"


class SchemaError(Exception):
    pass


@dataclass
class Field:
    type: str
    name: str
    meaning: str

    @property
    def cpp_type(self):
        return "bool" if self.type == "bit" else (FIXED.get(self.type) or VARIABLE[self.type])[1]


@dataclass
class Method:
    class_name: str
    class_id: int
    name: str
    id: int
    direction: str
    replies: list
    content: bool
    meaning: str
    fields: list = field(default_factory=list)

    @property
    def struct(self):
        return pascal(self.class_name) + pascal(self.name)

    @property
    def wire_name(self):
        return f"{self.class_name}.{self.name}"

    @property
    def enumerator(self):
        return snake(f"{self.class_name}_{self.name}")

    @property
    def number(self):
        return self.class_id << 16 | self.id


def pascal(name):
    return "".join(part.capitalize() for part in name.split("-"))


def snake(name):
    return name.replace("-", "_")


# ---- reading ----

class Schema:
    def __init__(self):
        self.classes = {}
        self.methods = []
        self.properties = []
        self.current = None

    def add_line(self, head, meaning):
        words = head.split()
        if words[0] == "class":
            self.add_class(words)
        elif words[0] == "method":
            self.add_method(words, meaning)
        elif words[0] == "property":
            self.properties.append(parse_field(words[1:], meaning, allow_bit=False))
        elif self.methods:
            self.add_field(words, meaning)
        else:
            raise SchemaError(f"what is '{head}'?")

    def add_class(self, words):
        if len(words) != 3 or not words[2].isdigit():
            raise SchemaError("class <name> <id>")
        if words[1] in self.classes or int(words[2]) in self.classes.values():
            raise SchemaError(f"class {words[1]} {words[2]} is there already")
        self.current = words[1]
        self.classes[words[1]] = int(words[2])

    def add_method(self, words, meaning):
        if self.current is None or len(words) < 4 or not words[2].isdigit() or words[3] not in DIRECTIONS:
            raise SchemaError("method <name> <id> <to-server|to-client|both> [sync <replies>] [content]")
        rest, replies, content = words[4:], [], False
        if rest[:1] == ["sync"]:
            replies, rest = rest[1].split(","), rest[2:]
        if rest[:1] == ["content"]:
            content, rest = True, rest[1:]
        if rest:
            raise SchemaError(f"what is '{' '.join(rest)}'?")
        method = Method(self.current, self.classes[self.current], words[1], int(words[2]), DIRECTIONS[words[3]],
                        replies, content, meaning)
        if any(m.number == method.number or m.struct == method.struct for m in self.methods):
            raise SchemaError(f"{method.wire_name} is there already")
        self.methods.append(method)

    def add_field(self, words, meaning):
        fields = self.methods[-1].fields
        parsed = parse_field(words, meaning, allow_bit=True)
        if any(f.name == parsed.name for f in fields):
            raise SchemaError(f"field {parsed.name} is there already")
        fields.append(parsed)

    def check(self):
        names = {m.wire_name for m in self.methods}
        for method in self.methods:
            for reply in method.replies:
                if f"{method.class_name}.{reply}" not in names:
                    raise SchemaError(f"{method.wire_name}: no such reply {reply}")
            if len(method.replies) > 2:
                raise SchemaError(f"{method.wire_name}: more than two replies")
        if len(self.properties) > 15:
            raise SchemaError("properties: one flags word has 15 of them")


def parse_field(words, meaning, allow_bit):
    known = set(FIXED) | set(VARIABLE) | ({"bit"} if allow_bit else set())
    if len(words) != 2 or words[0] not in known or not re.fullmatch(r"[a-z][a-z0-9_]*", words[1]):
        raise SchemaError(f"<type> <field>, not '{' '.join(words)}'")
    if not meaning:
        raise SchemaError(f"{words[1]}: no meaning given")
    return Field(words[0], words[1], meaning)


def read_schema(path):
    schema = Schema()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head, _, meaning = line.partition("|")
        try:
            schema.add_line(head.strip(), meaning.strip())
        except SchemaError as error:
            raise SchemaError(f"{path.name}:{number}: {error}") from None
    schema.check()
    schema.methods.sort(key=lambda m: m.number)
    return schema


# ---- writing ----

def wire_groups(fields):
    """Fields in wire order, runs of up to eight bits as one list."""
    groups = []
    for f in fields:
        if f.type == "bit" and groups and isinstance(groups[-1], list) and len(groups[-1]) < 8:
            groups[-1].append(f)
        else:
            groups.append([f] if f.type == "bit" else f)
    return groups


def size_expression(fields, prefix=4):
    fixed, terms = prefix, []
    for group in wire_groups(fields):
        if isinstance(group, list):
            fixed += 1
        elif group.type in FIXED:
            fixed += FIXED[group.type][0]
        else:
            fixed += VARIABLE[group.type][0]
            terms.append(f"m.{group.name}.size()")
    return " + ".join([f"std::size_t{{{fixed}}}"] + terms)


def read_line(f):
    return f"m.{f.name} = fields::read_{f.type}(in);"


def store_line(f):
    return f"p = fields::store_{f.type}(p, m.{f.name});"


def decode_body(fields):
    lines = []
    for i, group in enumerate(wire_groups(fields)):
        if isinstance(group, list):
            lines.append(f"const std::uint8_t bits_{i} = in.u8();")
            lines += [f"m.{f.name} = (bits_{i} >> {bit} & 1) != 0;" for bit, f in enumerate(group)]
        else:
            lines.append(read_line(group))
    return lines


def store_body(fields):
    lines = []
    for group in wire_groups(fields):
        if isinstance(group, list):
            bits = " | ".join(f"m.{f.name} << {bit}" if bit else f"int{{m.{f.name}}}" for bit, f in enumerate(group))
            lines.append(f"p = fields::store_octet(p, static_cast<std::uint8_t>({bits}));")
        else:
            lines.append(store_line(group))
    return lines


def initial(f):
    return {"bool": "= false", "std::string_view": "", "ByteView": ""}.get(f.cpp_type, "= 0")


def member(f):
    return f"    {f.cpp_type} {(f.name + ' ' + initial(f)).strip()};  ///< {f.meaning}\n"


def struct_text(m):
    replies = f" Answered by {' or '.join(f'{m.class_name}.{r}' for r in m.replies)}." if m.replies else ""
    text = f"/// {m.wire_name}: {m.meaning}.{replies}\nstruct {m.struct} {{\n"
    text += f"    static constexpr MethodId id = MethodId::{m.enumerator};\n"
    text += f"    static constexpr bool has_content = {str(m.content).lower()};\n"
    text += "".join(member(f) for f in m.fields)
    return text + "};\n"


def function(signature, lines):
    return f"{signature} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def method_functions(m):
    unused = "" if m.fields else "[[maybe_unused]] "
    sized = any(f.type in VARIABLE for f in m.fields)
    text = function(f"[[nodiscard]] inline std::size_t encoded_size({'' if sized else '[[maybe_unused]] '}const {m.struct}& m)",
                    [f"return {size_expression(m.fields)};"])
    text += function(f"[[nodiscard]] inline std::uint8_t* store(std::uint8_t* p, {unused}const {m.struct}& m)",
                     [f"p = fields::store_long(p, {m.number:#010x});"] + store_body(m.fields) + ["return p;"])
    text += function(f"inline void decode_into({unused}{m.struct}& m, {unused}Reader& in)", decode_body(m.fields))
    return text


def methods_hpp(schema):
    enum = "".join(f"    {m.enumerator} = {m.class_id} << 16 | {m.id},\n" for m in schema.methods)
    text = f"""// SPDX-License-Identifier: Apache-2.0
//! Every AMQP 0-9-1 method: one struct each, with its size, its encoder and its decoder.
{HEADING}#pragma once

#include <array>
#include <variant>

#include "base/result.hpp"
#include "protocols/amqp091/codec_fields.hpp"

namespace fantail::amqp091 {{

/// Class id in the high half, method id in the low: the first four bytes of a method frame's payload.
enum class MethodId : std::uint32_t {{
{enum}}};

// Strings and tables are views: into the payload after decoding, into the caller's memory for encoding. Tables are the
// body, without its length, and not yet checked. Shortstrs must not exceed 255 bytes (clip_shortstr).

"""
    text += "\n".join(struct_text(m) for m in schema.methods)
    text += "\n/// Any method.\nusing Method = std::variant<" + ", ".join(m.struct for m in schema.methods) + ">;\n"
    text += """
/// What the protocol says of a method besides its fields.
struct MethodInfo {
    MethodId id;
    std::string_view name;            ///< "basic.publish"
    Direction direction;              ///< who may send it
    bool has_content;                 ///< a content header and body frames follow
    std::array<MethodId, 2> replies;  ///< what answers it; zero where there is none
    /// The sender waits for a reply (unless it said no_wait).
    [[nodiscard]] constexpr bool synchronous() const { return replies[0] != MethodId{}; }
};

/// The method of a method frame's payload; zero if that is shorter than four bytes. The value may be no enumerator.
[[nodiscard]] inline MethodId method_id(ByteView payload) {
    return payload.size() < 4 ? MethodId{} : MethodId{load_be<std::uint32_t>(payload.data())};
}

/// What is known of `id`; null if there is no such method.
[[nodiscard]] const MethodInfo* find_method(MethodId id);

/// "basic.publish", or "unknown" if there is no such method.
[[nodiscard]] std::string_view method_name(MethodId id);

/// Decodes a method frame's whole payload; views last as long as it does. Errors: malformed (the payload ends early or
/// late: 502), unsupported (no such method: 540).
[[nodiscard]] Result<Method> decode(ByteView payload);

// For each struct:
//   encoded_size(m)      bytes of the payload, method id included
//   store(p, m)          writes exactly those at `p` and returns the end
//   decode_into(m, in)   reads the fields behind the method id; check in.done() afterwards

"""
    text += "\n".join(method_functions(m) for m in schema.methods)
    return text + "\n}  // namespace fantail::amqp091\n"


def info_row(m):
    replies = ", ".join(f"MethodId::{snake(m.class_name + '_' + r)}" for r in m.replies)
    return (f'    {{MethodId::{m.enumerator}, "{m.wire_name}", Direction::{m.direction}, '
            f"{str(m.content).lower()}, {{{replies}}}}},\n")


def methods_cpp(schema):
    rows = "".join(info_row(m) for m in schema.methods)
    cases = "".join(f"        case MethodId::{m.enumerator}: return decode_as<{m.struct}>(payload);\n" for m in schema.methods)
    return f"""// SPDX-License-Identifier: Apache-2.0
//! The table of AMQP 0-9-1 methods and the decoder for any of them.
{HEADING}#include "protocols/amqp091/methods.hpp"

#include <algorithm>

namespace fantail::amqp091 {{
namespace {{

constexpr std::array<MethodInfo, {len(schema.methods)}> method_table{{{{
{rows}}}}};
static_assert(std::ranges::is_sorted(method_table, {{}}, &MethodInfo::id));

template <class M>
Result<Method> decode_as(ByteView payload) {{
    Reader in(payload.subspan(4));
    M m;
    decode_into(m, in);
    if (in.done()) return m;
    return fail(ErrorCode::malformed, std::string(method_name(M::id)) +
                (in.failed() ? ": arguments end early" : ": bytes after the last argument"));
}}

}}  // namespace

const MethodInfo* find_method(MethodId id) {{
    const auto found = std::ranges::lower_bound(method_table, id, {{}}, &MethodInfo::id);
    return found != method_table.end() && found->id == id ? &*found : nullptr;
}}

std::string_view method_name(MethodId id) {{
    const MethodInfo* info = find_method(id);
    return info != nullptr ? info->name : "unknown";
}}

Result<Method> decode(ByteView payload) {{
    if (payload.size() < 4) return fail(ErrorCode::malformed, "method frame without a method id");
    const MethodId id = method_id(payload);
    switch (id) {{
{cases}    }}
    const auto number = static_cast<std::uint32_t>(id);
    return fail(ErrorCode::unsupported, "no method " + std::to_string(number & 0xFFFF) + " in class " + std::to_string(number >> 16));
}}

}}  // namespace fantail::amqp091
"""


def method_fields_hpp(schema):
    text = f"""// SPDX-License-Identifier: Apache-2.0
//! Walks the fields of AMQP 0-9-1 methods: for traces and tests.
{HEADING}#pragma once

#include "protocols/amqp091/basic_properties.hpp"
#include "protocols/amqp091/methods.hpp"

namespace fantail::amqp091 {{

// visit_fields(m, f) calls f(FieldKind, std::string_view name, field&) for each field in wire order.

"""
    for m in schema.methods:
        unused = "" if m.fields else "[[maybe_unused]] "
        text += f"template <class F>\nvoid visit_fields({unused}{m.struct}& m, {unused}F&& f) {{\n"
        text += "".join(f'    f(FieldKind::{f.type}_, "{f.name}", m.{f.name});\n' for f in m.fields) + "}\n"
    text += "template <class F>\nvoid visit_fields(BasicProperties& m, F&& f) {\n"
    text += "".join(f'    f(FieldKind::{f.type}_, "{f.name}", m.{f.name});\n' for f in schema.properties) + "}\n"
    return text + "\n}  // namespace fantail::amqp091\n"


def properties_hpp(schema):
    flags = "".join(f"    {p.name} = {1 << (15 - i):#06x},\n" for i, p in enumerate(schema.properties))
    members = "".join(member(p) for p in schema.properties)
    return f"""// SPDX-License-Identifier: Apache-2.0
//! The properties in the content header of an AMQP 0-9-1 message.
{HEADING}#pragma once

#include "base/result.hpp"
#include "protocols/amqp091/codec_fields.hpp"

namespace fantail::amqp091 {{

/// A property's bit in the flags word.
enum class BasicProperty : std::uint16_t {{
{flags}}};

/// The properties of a message. A property counts only if it is in `flags`; views as in methods.hpp.
struct BasicProperties {{
    std::uint16_t flags = 0;  ///< BasicProperty bits of those present
{members}
    [[nodiscard]] constexpr bool has(BasicProperty p) const {{ return (flags & static_cast<std::uint16_t>(p)) != 0; }}
    constexpr void mark(BasicProperty p) {{ flags = static_cast<std::uint16_t>(flags | static_cast<std::uint16_t>(p)); }}
}};

/// Decodes property bytes as they stand in a content header, from the flags word on; no bytes are no properties.
/// Errors: malformed (they end early or late, or a flag has no property: 502).
[[nodiscard]] Result<BasicProperties> decode_properties(ByteView property_bytes);

/// Appends the flags word and the properties in it to `out`. REQUIRES: no flag without a property.
void append_properties(Bytes& out, const BasicProperties& m);

}}  // namespace fantail::amqp091
"""


def properties_cpp(schema):
    known = sum(1 << (15 - i) for i in range(len(schema.properties)))
    reads = "".join(f"    if (m.has(BasicProperty::{p.name})) {read_line(p)}\n" for p in schema.properties)
    stores = "".join(f"    if (m.has(BasicProperty::{p.name})) {store_line(p)}\n" for p in schema.properties)

    def size(p):
        return str(FIXED[p.type][0]) if p.type in FIXED else f"{VARIABLE[p.type][0]} + m.{p.name}.size()"
    sizes = "".join(f"    if (m.has(BasicProperty::{p.name})) size += {size(p)};\n" for p in schema.properties)
    return f"""// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes the properties of an AMQP 0-9-1 message.
{HEADING}#include "protocols/amqp091/basic_properties.hpp"

namespace fantail::amqp091 {{
namespace {{

// Bit 0 would announce a second flags word and bit 1 a property that nobody has defined.
constexpr std::uint16_t known_flags = {known:#06x};

std::size_t encoded_size(const BasicProperties& m) {{
    std::size_t size = 2;
{sizes}    return size;
}}

}}  // namespace

Result<BasicProperties> decode_properties(ByteView property_bytes) {{
    BasicProperties m;
    if (property_bytes.empty()) return m;
    Reader in(property_bytes);
    m.flags = in.u16();
    if ((m.flags & ~known_flags) != 0) return fail(ErrorCode::malformed, "basic properties: a flag without a property");
{reads}    if (in.done()) return m;
    return fail(ErrorCode::malformed, in.failed() ? "basic properties end early" : "bytes after the basic properties");
}}

void append_properties(Bytes& out, const BasicProperties& m) {{
    FANTAIL_ASSERT((m.flags & ~known_flags) == 0);
    const std::size_t at = out.size();
    out.resize(at + encoded_size(m));
    std::uint8_t* p = fields::store_short(out.data() + at, m.flags);
{stores}    FANTAIL_ASSERT(p == out.data() + out.size());
}}

}}  // namespace fantail::amqp091
"""


OUTPUTS = {"methods.hpp": methods_hpp, "methods.cpp": methods_cpp, "method_fields.hpp": method_fields_hpp,
           "basic_properties.hpp": properties_hpp, "basic_properties.cpp": properties_cpp}


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    try:
        schema = read_schema(Path(arguments[0]))
    except SchemaError as error:
        sys.exit(f"error: {error}")
    output = Path(arguments[1])
    output.mkdir(parents=True, exist_ok=True)
    for name, write in OUTPUTS.items():
        (output / name).write_text(write(schema))


if __name__ == "__main__":
    main(sys.argv[1:])
