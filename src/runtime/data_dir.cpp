// SPDX-License-Identifier: Apache-2.0
//! Reads and writes the file `format` of a data directory (docs/formats/data_dir.md).
#include "runtime/data_dir.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "base/limits.hpp"
#include "runtime/machine.hpp"

namespace fantail::runtime {

namespace {

constexpr std::string_view magic = "fantail data directory\n";
constexpr unsigned version = 1;
constexpr std::string_view unfinished = "\nunfinished\n";

/// The number behind `key` and a space, up to the end of its line.
std::optional<unsigned> number_of(std::string_view text, std::string_view key) {
    const std::size_t at = text.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    unsigned value = 0;
    const char* from = text.data() + at + key.size();
    const auto [end, error] = std::from_chars(from, text.data() + text.size(), value);
    if (error != std::errc() || end == text.data() + text.size() || *end != '\n') return std::nullopt;
    return value;
}

Result<DataDir> parse(const std::string& path, std::string_view text) {
    const auto format = number_of(text, "\nversion ");
    const auto shards = number_of(text, "\nshards ");
    if (!text.starts_with(magic) || !format || !shards)
        return fail(ErrorCode::corrupt, path + ": not a data directory's format file");
    if (*format > version)
        return fail(ErrorCode::unsupported,
                    path + ": written by a newer version (format " + std::to_string(*format) + ")");
    if (*shards == 0 || *shards > limits::shards_max)
        return fail(ErrorCode::corrupt, path + ": shard count out of range");
    return DataDir{.shards = static_cast<std::uint16_t>(*shards), .is_unfinished = text.contains(unfinished)};
}

Result<void> write(const std::string& path, const DataDir& dir, Machine& machine) {
    std::string text(magic);
    text += "version " + std::to_string(version) + "\nshards " + std::to_string(dir.shards) + "\n";
    if (dir.is_unfinished) text += unfinished.substr(1);
    const ByteView bytes = as_bytes(text);
    std::optional<Result<void>> outcome;
    machine.files().replace(path + "/format", to_bytes(bytes),
                            [&outcome](Result<void> done) { outcome = std::move(done); });
    while (!outcome) {
        if (machine.poll() == 0 && !outcome) machine.wait(MonoTime::never());
    }
    return *outcome;
}

std::string shard_folder(const std::string& path, std::size_t shard) {
    return path + "/shard-" + std::to_string(shard);
}

/// The first folder of a shard from `from` on that holds something.
std::optional<std::string> find_shard(const std::string& path, std::size_t from, sys::Files& files) {
    for (std::size_t shard = from; shard < limits::shards_max; ++shard) {
        const auto inside = files.list(shard_folder(path, shard));
        if (inside && !inside->empty()) return shard_folder(path, shard);
    }
    return std::nullopt;
}

/// What a failed mount, half a restore or a changed file leaves behind must not pass for an empty shard.
Result<void> check_shards(const std::string& path, const DataDir& dir, sys::Files& files) {
    if (const auto extra = find_shard(path, dir.shards, files))
        return fail(ErrorCode::corrupt,
                    path + "/format says " + std::to_string(dir.shards) + " shards, and there is " + *extra);
    for (std::uint16_t shard = 0; shard < dir.shards; ++shard) {
        const std::string folder = shard_folder(path, shard);
        const auto inside = files.list(folder);
        if (!inside || inside->empty())
            return fail(ErrorCode::corrupt, folder + (inside ? " is empty" : " is missing") + ", and " + path +
                                                "/format says that it holds data");
    }
    return {};
}

}  // namespace

bool is_data_dir(const std::string& path, Machine& machine) {
    return machine.files().read_whole(path + "/format").has_value();
}

Result<DataDir> open_or_create_data_dir(const std::string& path, std::uint16_t shards_if_new, Machine& machine) {
    sys::Files& files = machine.files();
    FANTAIL_CHECK(files.make_directory(path));
    if (auto lock = files.lock(path + "/lock"); !lock) {
        if (lock.error().code != ErrorCode::unavailable) return std::unexpected(lock.error());
        return fail(
            ErrorCode::unavailable,
            "data directory " + path + " is in use by another process or not writable (" + lock.error().message + ")");
    }
    const std::string format = path + "/format";
    if (const auto text = files.read_whole(format)) {
        FANTAIL_TRY(const DataDir found, parse(format, as_text(*text)));
        if (!found.is_unfinished) FANTAIL_CHECK(check_shards(path, found, files));
        return found;
    } else if (text.error().code != ErrorCode::not_found) {
        return std::unexpected(text.error());
    }
    if (const auto shard = find_shard(path, 0, files))
        return fail(ErrorCode::corrupt, format + " is missing beside " + *shard);
    const DataDir made{.shards = shards_if_new, .is_unfinished = true};
    FANTAIL_CHECK(write(path, made, machine));
    return made;
}

Result<void> finish_data_dir(const std::string& path, DataDir& dir, Machine& machine) {
    if (!std::exchange(dir.is_unfinished, false)) return {};
    return write(path, dir, machine);
}

}  // namespace fantail::runtime
