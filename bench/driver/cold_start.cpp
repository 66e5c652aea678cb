// SPDX-License-Identifier: Apache-2.0
//! Workload `coldstart`: exec a server, time its `ready ` line, its port and its first AMQP frame, then stop it.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "driver/measurement.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

/// A child in its own process group, its standard output in a pipe.
struct Child {
    pid_t pid = 0;
    int output = -1;
    std::string text;
};

Child start(const std::vector<std::string>& command) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2 failed");
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::setpgid(0, 0);
        ::dup2(ends[1], STDOUT_FILENO);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return {.pid = pid, .output = ends[0], .text = ""};
}

bool saw_ready_line(Child& child) {
    std::array<char, 4096> part{};
    const auto got = ::read(child.output, part.data(), part.size());
    if (got > 0) child.text.append(part.data(), static_cast<std::size_t>(got));
    return child.text.starts_with("ready ") || child.text.find("\nready ") != std::string::npos;
}

bool exited(const Child& child) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child.pid;
}

void stop(const Child& child) {
    ::kill(-child.pid, SIGTERM);
    const std::int64_t until = now_ns() + 15'000'000'000;
    while (!exited(child) && now_ns() < until) sleep_seconds(0.005);
    // Also takes helpers that outlived the server; an empty group makes this a no-op.
    ::kill(-child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    ::close(child.output);
}

}  // namespace

Report run_cold_start(const Options& options) {
    const std::int64_t begin = now_ns();
    const auto since = [&] { return static_cast<double>(now_ns() - begin) / 1e9; };
    const std::int64_t until = begin + static_cast<std::int64_t>(options.time_limit_seconds * 0.8e9);
    Child child = start(options.command);
    double ready = 0;
    double port = 0;
    int socket = -1;
    // Over at the ready line; a server without one is ready when its port accepts.
    while (ready == 0 && port == 0 && now_ns() < until && !exited(child)) {
        if (saw_ready_line(child)) ready = since();
        socket = connect_tcp(options.endpoint);
        if (socket >= 0) port = since();
        if (ready == 0 && port == 0) sleep_seconds(0.0005);
    }
    if (ready == 0 && port == 0) {
        stop(child);
        fail("the server did not get ready");
    }
    const bool expects_line = port == 0;
    while (socket < 0 && now_ns() < until) {
        socket = connect_tcp(options.endpoint);
        if (socket < 0) sleep_seconds(0.0005);
    }
    if (port == 0) port = since();
    {
        const Connection connection(socket);
        if (!expects_line && saw_ready_line(child)) ready = since();
    }
    const double logged_in = since();
    stop(child);
    Report report = start_report(options);
    if (ready > 0) report.add("ready_line_seconds", ready);
    report.add("port_seconds", port);
    report.add("login_seconds", logged_in);
    report.add("start_seconds", ready > 0 ? ready : port);
    report.add_flag("complete", true);
    return report;
}

}  // namespace fantail::bench
