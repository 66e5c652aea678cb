// SPDX-License-Identifier: Apache-2.0
//! Aligned tables for terminals.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fantail::cli {

/// How a member of a JSON object is shown.
enum class Show : std::uint8_t {
    text,
    number,  ///< 1,234,567; to the right
    bytes,   ///< 1.2 MiB; to the right
    flag,    ///< yes, or nothing
    list,    ///< texts with commas
    json,    ///< as it is
};

struct Column {
    std::string_view key;  ///< "a.b": the member b of the member a
    std::string_view title;
    Show show = Show::text;
};

/// 1234567 as "1,234,567".
[[nodiscard]] std::string human_number(std::int64_t value);
/// 1300000 as "1.2 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t value);
/// Without control characters, which would act on the terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// A title line and a line for each row, columns two blanks apart, lines without trailing blanks. Members that a row
/// lacks are empty.
[[nodiscard]] std::string format_table(const std::vector<Column>& columns, const boost::json::array& rows);

}  // namespace fantail::cli
