// SPDX-License-Identifier: Apache-2.0
//! Reads and writes the file `format` of a data directory (docs/formats/data_dir.md).
#include "runtime/data_dir.hpp"

#include <charconv>
#include <optional>

#include "base/limits.hpp"
#include "runtime/machine.hpp"

namespace fantail::runtime {

namespace {

constexpr std::string_view magic = "fantail data directory\n";
constexpr unsigned version = 1;

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

Result<std::uint16_t> parse(const std::string& path, std::string_view text) {
    const auto format = number_of(text, "\nversion ");
    const auto shards = number_of(text, "\nshards ");
    if (!text.starts_with(magic) || !format || !shards)
        return fail(ErrorCode::corrupt, path + ": not a data directory's format file");
    if (*format > version)
        return fail(ErrorCode::unsupported,
                    path + ": written by a newer version (format " + std::to_string(*format) + ")");
    if (*shards == 0 || *shards > limits::shards_max)
        return fail(ErrorCode::corrupt, path + ": shard count out of range");
    return static_cast<std::uint16_t>(*shards);
}

Result<void> write(const std::string& path, std::uint16_t shards, Machine& machine) {
    std::string text(magic);
    text += "version " + std::to_string(version) + "\nshards " + std::to_string(shards) + "\n";
    const ByteView bytes = as_bytes(text);
    std::optional<Result<void>> outcome;
    machine.files().replace(path, to_bytes(bytes), [&outcome](Result<void> done) { outcome = std::move(done); });
    while (!outcome) {
        if (machine.poll() == 0 && !outcome) machine.wait(MonoTime::never());
    }
    return *outcome;
}

}  // namespace

bool is_data_dir(const std::string& path, Machine& machine) {
    return machine.files().read_whole(path + "/format").has_value();
}

Result<std::uint16_t> open_or_create_data_dir(const std::string& path, std::uint16_t shards_if_new, Machine& machine) {
    sys::Files& files = machine.files();
    FANTAIL_CHECK(files.make_directory(path));
    if (auto lock = files.lock(path + "/lock"); !lock) {
        if (lock.error().code != ErrorCode::unavailable) return std::unexpected(lock.error());
        return fail(
            ErrorCode::unavailable,
            "data directory " + path + " is in use by another process or not writable (" + lock.error().message + ")");
    }
    const std::string format = path + "/format";
    const auto text = files.read_whole(format);
    if (text) return parse(format, as_text(*text));
    if (text.error().code != ErrorCode::not_found) return std::unexpected(text.error());
    FANTAIL_CHECK(write(format, shards_if_new, machine));
    return shards_if_new;
}

}  // namespace fantail::runtime
