// SPDX-License-Identifier: Apache-2.0
//! fantail policies: list, set, clear; users' and operators'.
#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

struct PolicyOptions {
    std::string name;
    std::string pattern;
    std::string vhost = "/";
    std::string apply_to = "all";
    std::int32_t priority = 0;
    bool is_operator = false;
    std::vector<std::string> definition;
    [[nodiscard]] std::string path() const {
        return api_path(is_operator ? "/api/operator-policies" : "/api/policies", {vhost, name});
    }
};

std::shared_ptr<PolicyOptions> add_policy_options(CLI::App& command) {
    auto options = std::make_shared<PolicyOptions>();
    command.add_option("NAME", options->name, "the policy")->required();
    command.add_option("--vhost", options->vhost, "where (default: /)")->type_name("NAME");
    command.add_flag("--operator", options->is_operator, "an operator policy: limits that others cannot loosen");
    return options;
}

Result<void> put_policy(const AdminTarget& target, const PolicyOptions& options) {
    FANTAIL_TRY(boost::json::object definition, parse_arguments(options.definition));
    const boost::json::object body{{"pattern", options.pattern},
                                   {"apply-to", options.apply_to},
                                   {"priority", options.priority},
                                   {"definition", std::move(definition)}};
    FANTAIL_CHECK(AdminClient(target).put(options.path(), body));
    return {};
}

}  // namespace

void add_policies(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* policies = add_group(app, "policies", "list, set and clear policies", target);
    const std::vector<Column> columns{{"vhost", "VHOST"},
                                      {"name", "NAME"},
                                      {"pattern", "PATTERN"},
                                      {"apply-to", "APPLY TO"},
                                      {"priority", "PRIORITY", Show::number},
                                      {"definition", "DEFINITION", Show::json}};
    add_list(*policies, target, {"policies", "/api/policies", columns}, exit_code);
    CLI::App* operators = add_group(*policies, "operators", "list operator policies", target);
    add_list(*operators, target, {"operator policies", "/api/operator-policies", columns}, exit_code);
    CLI::App* set = policies->add_subcommand("set", "make or change a policy");
    auto given = add_policy_options(*set);
    set->add_option("PATTERN", given->pattern, "regular expression over names")->required();
    set->add_option("--define", given->definition, "as max-length=1000; may be repeated")
        ->type_name("KEY=VALUE")
        ->required()
        ->take_all();
    set->add_option("--apply-to", given->apply_to,
                    "all, queues, classic_queues, quorum_queues, streams or exchanges (default: all)")
        ->type_name("WHAT");
    set->add_option("--priority", given->priority, "the highest that matches counts (default: 0)");
    set->footer(
        "Example:\n  fantail policies set limits '^orders' --apply-to queues --define max-length=100000 --define "
        "overflow=reject-publish");
    set->callback([=, &exit_code] { exit_code = exit_code_of(put_policy(*target, *given)); });

    CLI::App* clear = policies->add_subcommand("clear", "remove a policy");
    auto taken = add_policy_options(*clear);
    clear->footer("Example:\n  fantail policies clear limits");
    clear->callback([=, &exit_code] { exit_code = exit_code_of(AdminClient(*target).remove(taken->path())); });
}

}  // namespace fantail::cli
