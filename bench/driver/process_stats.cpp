// SPDX-License-Identifier: Apache-2.0
//! Readers of /proc/PID/stat, /proc/PID/smaps_rollup, /proc/stat.
#include "driver/process_stats.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace fantail::bench {
namespace {

struct ProcessLine {
    pid_t parent = 0;
    double cpu_seconds = 0;
};

ProcessLine read_stat(pid_t pid) {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(in, line)) return {};
    // The command name may hold blanks and parentheses: fields are counted from its last ')'.
    const auto close = line.rfind(')');
    if (close == std::string::npos) return {};
    std::istringstream fields(line.substr(close + 1));
    std::string skipped;
    ProcessLine out;
    fields >> skipped >> out.parent;
    for (int i = 5; i <= 13; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    out.cpu_seconds = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return out;
}

double timeval_seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

std::map<pid_t, ProcessLine> all_processes() {
    std::map<pid_t, ProcessLine> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad == std::errc{} && end == name.data() + name.size()) out[pid] = read_stat(pid);
    }
    return out;
}

}  // namespace

double process_cpu_seconds(pid_t pid) {
    if (pid == 0) return 0;
    const auto processes = all_processes();
    std::set<pid_t> family{pid};
    for (std::size_t before = 0; before != family.size();) {
        before = family.size();
        for (const auto& [id, line] : processes) {
            if (family.contains(line.parent)) family.insert(id);
        }
    }
    double sum = 0;
    for (const auto& [id, line] : processes) {
        if (family.contains(id)) sum += line.cpu_seconds;
    }
    return sum;
}

double own_cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return timeval_seconds(usage.ru_utime) + timeval_seconds(usage.ru_stime);
}

double thread_cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double machine_busy_seconds() {
    std::ifstream in("/proc/stat");
    std::string label;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    in >> label >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    return (user + nice + system + irq + softirq + steal) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Memory process_memory(pid_t pid) {
    Memory out;
    if (pid == 0) return out;
    std::ifstream in(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        std::string name;
        std::uint64_t kib = 0;
        fields >> name >> kib;
        if (name == "Rss:") out.resident = kib * 1024;
        if (name == "Pss:") out.proportional = kib * 1024;
    }
    return out;
}

std::uint64_t disk_bytes(const std::string& directory) {
    std::uint64_t sum = 0;
    if (directory.empty()) return sum;
    std::error_code error;
    auto it = std::filesystem::recursive_directory_iterator(directory, error);
    for (const auto end = std::filesystem::recursive_directory_iterator(); !error && it != end; it.increment(error)) {
        struct stat info{};
        // Files come and go while a broker runs: one that vanished counts as nothing.
        if (::lstat(it->path().c_str(), &info) == 0) sum += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
    return sum;
}

std::uint64_t directory_entries(const std::string& directory) {
    std::uint64_t count = 0;
    std::error_code error;
    auto it = std::filesystem::directory_iterator(directory, error);
    for (const auto end = std::filesystem::directory_iterator(); !error && it != end; it.increment(error)) ++count;
    return count;
}

bool pin_to_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

void raise_file_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace fantail::bench
