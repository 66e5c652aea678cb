// SPDX-License-Identifier: Apache-2.0
//! Random methods and their comparison, for the codec's tests and fuzzer.
#pragma once

#include <list>
#include <random>
#include <string>
#include <utility>

#include "protocols/amqp091/method_fields.hpp"

namespace fantail::amqp091 {

/// Fills methods with random values; owns the strings that they view.
class RandomValues final {
public:
    explicit RandomValues(std::uint64_t seed) : random_(seed) {}

    template <class M>
    M make() {
        M m;
        visit_fields(m, [&](FieldKind kind, std::string_view, auto& field) { fill(kind, field); });
        return m;
    }
    BasicProperties make_properties() {
        auto m = make<BasicProperties>();
        m.flags = static_cast<std::uint16_t>(random_() & 0xFFFC);
        return m;
    }

private:
    void fill(FieldKind, bool& field) { field = (random_() & 1) != 0; }
    void fill(FieldKind, std::unsigned_integral auto& field) {
        field = static_cast<std::remove_reference_t<decltype(field)>>(random_());
    }
    void fill(FieldKind kind, std::string_view& field) {
        field = make_text(kind == FieldKind::shortstr_ ? shortstr_size_max : 2000);
    }
    void fill(FieldKind, ByteView& field) { field = as_bytes(make_text(2000)); }

    std::string_view make_text(std::size_t size_max) {
        // The ends of the range matter most.
        const std::size_t pick = random_() % 8;
        const std::size_t size = pick == 0 ? 0 : pick == 1 ? size_max : random_() % size_max;
        std::string& text = texts_.emplace_back(size, '\0');
        for (char& c : text) c = static_cast<char>(random_());
        return text;
    }
    std::mt19937_64 random_;
    std::list<std::string> texts_;
};

/// The fields as one string with their names, so that a failed comparison can be read.
template <class M>
std::string describe_fields(M m) {
    std::string text;
    visit_fields(m, [&](FieldKind, std::string_view name, auto& field) {
        text.append(name).append("=");
        using Field = std::remove_reference_t<decltype(field)>;
        if constexpr (std::is_integral_v<Field>) text += std::to_string(field);
        else if constexpr (std::is_same_v<Field, ByteView>) text += as_text(field);
        else text += field;
        text += ";";
    });
    return text;
}

/// Calls f.template operator()<M>() for every method M.
template <class F>
void for_each_method(F&& f) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        (f.template operator()<std::variant_alternative_t<i, Method>>(), ...);
    }(std::make_index_sequence<std::variant_size_v<Method>>{});
}

}  // namespace fantail::amqp091
