// SPDX-License-Identifier: Apache-2.0
//! Users' SCRAM credentials: DescribeUserScramCredentials, AlterUserScramCredentials. For administrators alone.
#include <algorithm>
#include <deque>
#include <map>

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/security_messages.hpp"

namespace fantail::kafka {

namespace {

using sasl::ScramMechanism;

/// Kafka's upper bound; its lower one is that of SCRAM.
constexpr std::int32_t iterations_max = 16'384;

/// What becomes of one user.
struct Fate {
    ApiError error = ApiError::none;
    std::string reason;
};

/// Why nobody gets an answer about credentials, if so.
Fate fate_of_asker(const Link& link) {
    if (!link.options().credentials) return {ApiError::security_disabled, "SCRAM is not offered here."};
    if (!link.is_administrator()) return {ApiError::cluster_authorization_failed, "Only administrators may do this."};
    return {};
}

std::optional<ScramMechanism> mechanism_of(std::int8_t number) {
    for (const ScramMechanism each : sasl::scram_mechanisms)
        if (static_cast<std::int8_t>(each) == number) return each;
    return std::nullopt;
}

// ----------------------------------------------------------------------------------------------------------- describe

class DescribeScramUsersExchange final : public ExchangeOf<DescribeUserScramCredentialsRequest> {
    using ExchangeOf::ExchangeOf;
    using Response = DescribeUserScramCredentialsResponse;

    void start() override {
        Response response;
        const Fate fate = fate_of_asker(link());
        if (fate.error != ApiError::none) {
            response.error_code = fate.error;
            response.error_message = fate.reason;
        } else if (!request().users || request().users->empty()) {
            describe_all(response);
        } else {
            describe_asked(response);
        }
        respond(response);
    }

    [[nodiscard]] std::vector<Response::Credential> credentials_of(std::string_view name) const {
        std::vector<Response::Credential> out;
        const broker::UserDefinition* user = link().catalog().user(name);
        if (user == nullptr) return out;
        for (const sasl::ScramFigures& each : link().options().credentials->list(user->password_hash))
            out.push_back({static_cast<std::int8_t>(each.mechanism), static_cast<std::int32_t>(each.iterations)});
        return out;
    }

    /// Users without such credentials are none, as in Kafka.
    void describe_all(Response& response) {
        names_ = link().options().credentials->users(link().host().broker().core());
        std::ranges::sort(names_);
        for (const std::string& name : names_) {
            auto credentials = credentials_of(name);
            if (credentials.empty()) continue;
            response.results.push_back({.user = name, .credential_infos = std::move(credentials)});
        }
    }

    void describe_asked(Response& response) {
        std::map<std::string_view, std::size_t> times;
        for (const auto& user : *request().users) ++times[user.name];
        for (const auto& [name, count] : times) {
            auto& out = response.results.emplace_back();
            out.user = name;
            if (count == 1) out.credential_infos = credentials_of(name);
            if (!out.credential_infos.empty()) continue;
            out.error_code = count == 1 ? ApiError::resource_not_found : ApiError::duplicate_resource;
            out.error_message = reasons_.emplace_back(
                (count == 1 ? "Attempt to describe a user credential that does not exist: "
                            : "Cannot describe SCRAM credentials for the same user twice in a single request: ") +
                std::string(name));
        }
    }

    std::vector<std::string> names_;
    std::deque<std::string> reasons_;  ///< that stay where they are
};

// -------------------------------------------------------------------------------------------------------------- alter

/// All changes of one user are made, or none.
class AlterScramUsersExchange final : public GatheringExchange<AlterUserScramCredentialsRequest> {
    using GatheringExchange::GatheringExchange;
    using Deletion = AlterUserScramCredentialsRequest::Deletion;
    using Upsertion = AlterUserScramCredentialsRequest::Upsertion;

    struct User {
        Fate fate;
        /// By mechanism, what to put; null: what to delete.
        std::map<ScramMechanism, const Upsertion*> changes;
    };

    void start() override {
        const Fate fate = fate_of_asker(link());
        for (const Deletion& each : request().deletions) note(each, fate, nullptr);
        for (const Upsertion& each : request().upsertions) note(each, fate, &each);
        for (auto& [name, user] : users_) {
            if (user.fate.error != ApiError::none) continue;
            asked_users_.push_back(&user);
            ask(asked_users_.size() - 1, changed(name, user));
        }
        asked_all();
    }

    /// Takes down a change or what is wrong with it: the first fault of a user counts.
    template <class Change>
    void note(const Change& change, const Fate& asker, const Upsertion* upsertion) {
        User& user = users_[change.name];
        if (asker.error != ApiError::none) user.fate = asker;
        if (user.fate.error != ApiError::none) return;
        const auto mechanism = mechanism_of(change.mechanism);
        if (change.name.empty()) {
            user.fate = {ApiError::unacceptable_credential, "Username must not be empty"};
        } else if (!mechanism) {
            user.fate = {ApiError::unsupported_sasl_mechanism, "Unknown SCRAM mechanism"};
        } else if (!user.changes.emplace(*mechanism, upsertion).second) {
            user.fate = {ApiError::duplicate_resource, "A user credential cannot be altered twice in the same request"};
        } else if (upsertion != nullptr) {
            user.fate = fault_in(*upsertion, *mechanism);
        } else if (!has_credential(change.name, *mechanism)) {
            user.fate = {ApiError::resource_not_found, "Attempt to delete a user credential that does not exist"};
        }
    }

    [[nodiscard]] static Fate fault_in(const Upsertion& upsertion, ScramMechanism mechanism) {
        const auto fault = [](const char* reason) { return Fate{ApiError::unacceptable_credential, reason}; };
        if (upsertion.iterations < static_cast<std::int32_t>(sasl::scram_iterations_min))
            return fault("Too few iterations");
        if (upsertion.iterations > iterations_max) return fault("Too many iterations");
        if (upsertion.salt.empty()) return fault("Salt must not be empty");
        if (upsertion.salt.size() > sasl::scram_salt_size_max) return fault("Salt must have at most 255 bytes");
        if (upsertion.salted_password.size() != sasl::digest_size(mechanism))
            return fault("Salted password must be as long as the mechanism's hash");
        return {};
    }

    [[nodiscard]] bool has_credential(std::string_view name, ScramMechanism mechanism) const {
        const broker::UserDefinition* user = link().catalog().user(name);
        if (user == nullptr) return false;
        const auto all = link().options().credentials->list(user->password_hash);
        return std::ranges::find(all, mechanism, &sasl::ScramFigures::mechanism) != all.end();
    }

    /// Who does not exist comes into being, without permissions.
    [[nodiscard]] broker::PutUser changed(std::string_view name, const User& user) const {
        const sasl::Credentials& credentials = *link().options().credentials;
        broker::PutUser put;
        if (const broker::UserDefinition* present = link().catalog().user(name)) put.definition = *present;
        put.definition.name = name;
        Bytes& hash = put.definition.password_hash;
        for (const auto& [mechanism, upsertion] : user.changes)
            hash = upsertion == nullptr ? credentials.without(hash, mechanism)
                                        : credentials.with(hash, credential_of(mechanism, *upsertion));
        return put;
    }

    [[nodiscard]] static sasl::ScramCredential credential_of(ScramMechanism mechanism, const Upsertion& upsertion) {
        return sasl::scram_credential(
            {mechanism, static_cast<std::uint32_t>(upsertion.iterations), upsertion.salt, upsertion.salted_password});
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& reply = std::get<broker::AdminReply>(event);
        if (reply.outcome) return;
        asked_users_[place]->fate = {api_error(reply.outcome.error().code), reply.outcome.error().message};
    }

    void finish() override {
        AlterUserScramCredentialsResponse response;
        for (const auto& [name, user] : users_) {
            auto& out = response.results.emplace_back();
            out.user = name;
            out.error_code = user.fate.error;
            if (!user.fate.reason.empty()) out.error_message = user.fate.reason;
        }
        respond(response);
    }

    std::map<std::string_view, User> users_;  ///< by names in the request
    std::vector<User*> asked_users_;
};

}  // namespace

std::unique_ptr<Exchange> make_describe_scram_users(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeScramUsersExchange>(link, header);
}
std::unique_ptr<Exchange> make_alter_scram_users(Link& link, const RequestHeader& header) {
    return std::make_unique<AlterScramUsersExchange>(link, header);
}

}  // namespace fantail::kafka
