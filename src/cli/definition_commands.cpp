// SPDX-License-Identifier: Apache-2.0
//! fantail definitions: export, import.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "cli/admin_client.hpp"
#include "cli/command_parts.hpp"

namespace fantail::cli {

namespace {

bool is_standard(const std::string& file) { return file.empty() || file == "-"; }

Result<void> write_definitions(const AdminTarget& target, const std::string& file) {
    FANTAIL_TRY(const std::string text, AdminClient(target).get("/api/definitions"));
    std::ofstream out;
    if (!is_standard(file)) out.open(file, std::ios::binary);
    std::ostream& to = is_standard(file) ? std::cout : out;
    to << text << "\n" << std::flush;
    if (!to) return fail(ErrorCode::io, "cannot write '" + file + "'");
    return {};
}

Result<void> read_definitions(const AdminTarget& target, const std::string& file) {
    std::ifstream in;
    if (!is_standard(file)) in.open(file, std::ios::binary);
    std::istream& from = is_standard(file) ? std::cin : in;
    if (!from) return fail(ErrorCode::io, "cannot read '" + file + "'");
    const std::string text{std::istreambuf_iterator<char>(from), std::istreambuf_iterator<char>()};
    FANTAIL_CHECK(AdminClient(target).post("/api/definitions", text));
    return {};
}

}  // namespace

void add_definitions(CLI::App& app, int& exit_code) {
    CLI::App* definitions = app.add_subcommand("definitions", "all that is declared, as one file of RabbitMQ's form");
    const std::shared_ptr<AdminTarget> target = add_admin_target(*definitions);
    definitions->require_subcommand(1);
    auto file = std::make_shared<std::string>();
    CLI::App* exporting = definitions->add_subcommand("export", "write them, password hashes included");
    exporting->add_option("FILE", *file, "default: standard output");
    exporting->footer("Example:\n  fantail definitions export definitions.json");
    exporting->callback([=, &exit_code] { exit_code = exit_code_of(write_definitions(*target, *file)); });
    CLI::App* importing = definitions->add_subcommand(
        "import", "make queues, exchanges and bindings that are not there yet; make or change all else");
    importing->add_option("FILE", *file, "default: standard input");
    importing->footer("Example:\n  fantail definitions import definitions.json");
    importing->callback([=, &exit_code] { exit_code = exit_code_of(read_definitions(*target, *file)); });
}

}  // namespace fantail::cli
