// SPDX-License-Identifier: Apache-2.0
//! Users, vhosts, permissions and policies as JSON and back: one form for their own paths and for /api/definitions.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <unordered_map>

#include "broker/catalog.hpp"

namespace fantail::server {

/// A list of texts, or one text with commas between. Errors: malformed.
[[nodiscard]] Result<std::vector<std::string>> tags_of(const boost::json::value& value);
[[nodiscard]] boost::json::array tags_json(const broker::UserDefinition& user);

/// Those limits that are set, by RabbitMQ's names.
[[nodiscard]] boost::json::object limits_of(const broker::UserDefinition& user);
[[nodiscard]] boost::json::object limits_of(const broker::VhostDefinition& vhost);

struct UserChange {
    broker::PutUser put;
    std::optional<std::string> password;  ///< to be hashed into `put`
};
/// What `body` does not name stays as it is in `catalog`; so does each limit. Errors: malformed.
[[nodiscard]] Result<UserChange> user_from(const boost::json::object& body, const std::string& name,
                                           const broker::Catalog& catalog);
/// The same of a vhost.
[[nodiscard]] Result<broker::VhostDefinition> vhost_from(const boost::json::object& body, const std::string& name,
                                                         const broker::Catalog& catalog);
[[nodiscard]] boost::json::object vhost_json(const broker::VhostDefinition& vhost);

[[nodiscard]] Result<broker::PermissionDefinition> permission_from(const boost::json::object& body,
                                                                   const std::string& user, VhostId vhost);
[[nodiscard]] boost::json::object permission_json(const broker::PermissionDefinition& permission, std::string vhost);
[[nodiscard]] Result<broker::TopicPermissionDefinition> topic_permission_from(const boost::json::object& body,
                                                                              const std::string& user, VhostId vhost);
[[nodiscard]] boost::json::object topic_permission_json(const broker::TopicPermissionDefinition& permission,
                                                        std::string vhost);
/// \param policy where, its name, and whose it is
[[nodiscard]] Result<broker::PolicyDefinition> policy_from(const boost::json::object& body,
                                                           broker::PolicyDefinition policy);
/// What is a parameter in RabbitMQ's form: limits of vhosts, and operator policies. \param vhosts those to tell of, by name
[[nodiscard]] boost::json::array parameters_json(const broker::Catalog& catalog,
                                                 const std::unordered_map<VhostId, std::string>& vhosts);
[[nodiscard]] boost::json::object policy_json(const broker::PolicyDefinition& policy, std::string vhost);

}  // namespace fantail::server
