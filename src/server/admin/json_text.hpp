// SPDX-License-Identifier: Apache-2.0
//! Between the broker's values and JSON.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "base/result.hpp"
#include "broker/api/definitions.hpp"
#include "record/field_table.hpp"

namespace fantail::server {

/// A body that must be a JSON object of finite numbers; an empty one counts as {}. Errors: malformed.
[[nodiscard]] Result<boost::json::object> parse_object(const std::string& body);

/// Members of a body, by kind. Absent ones are nothing; null counts as absent, and a flag or a
/// number may be a text.
/// Errors: malformed, naming the member.
[[nodiscard]] Result<std::optional<std::string>> text_member(const boost::json::object& body, std::string_view name);
[[nodiscard]] Result<std::optional<bool>> flag_member(const boost::json::object& body, std::string_view name);
[[nodiscard]] Result<std::optional<std::int64_t>> number_member(const boost::json::object& body, std::string_view name);
/// A table of arguments; absent is empty. Errors: malformed, too_large.
[[nodiscard]] Result<Bytes> table_member(const boost::json::object& body, std::string_view name);
/// Errors: malformed for any member that is not among `known`: a misspelt one must not be ignored.
[[nodiscard]] Result<void> only_members(const boost::json::object& object,
                                        std::initializer_list<std::string_view> known);
/// The same of a request's body, in which RabbitMQ's tools repeat what its path names: that is passed over.
[[nodiscard]] Result<void> only_members_of_body(const boost::json::object& body,
                                                std::initializer_list<std::string_view> known);
/// The arguments of a queue. Its kind may also be a member `type`, as in a list of queues, or `queue_type`. Errors: those of
/// table_member(), and malformed for kinds that contradict each other.
[[nodiscard]] Result<Bytes> queue_arguments(const boost::json::object& body);

/// A declaration's arguments. Texts that are not UTF-8 and binaries are shown as hex, numbers that are not finite as texts.
[[nodiscard]] boost::json::object json_of(record::FieldTableView table);
/// The inverse, for what JSON can say. Errors: malformed, too_large (nested too deep, long names).
[[nodiscard]] Result<Bytes> table_of(const boost::json::object& object);
/// Only what differs from the default, by the names that policies use.
[[nodiscard]] boost::json::object json_of(const broker::QueueOptions& options);

[[nodiscard]] std::string_view kind_name(broker::QueueKind kind);
[[nodiscard]] std::optional<broker::QueueKind> kind_of(std::string_view name);

[[nodiscard]] bool is_utf8(std::string_view text);
/// Text as JSON and metrics may hold it: each byte that is no UTF-8 becomes \\xNN, so that names stay apart.
[[nodiscard]] std::string utf8(std::string_view text);

}  // namespace fantail::server
