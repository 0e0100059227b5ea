#include "observability/process.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>

namespace mr::observability {
namespace {

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return std::nullopt;
  text.remove_prefix(first);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// The number behind "\n<label>" in files of "label: number" lines.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  if (at == text.npos) return std::nullopt;
  return parse_number(text.substr(at + label.size()));
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_text(path);
  return text ? parse_number(*text) : std::nullopt;
}

std::optional<std::uint64_t> count_fds(const std::string& folder) {
  // Kernels from 6.2 tell the number as the folder's size.
  struct stat status{};
  if (::stat(folder.c_str(), &status) == 0 && status.st_size > 0 && S_ISDIR(status.st_mode) &&
      folder.starts_with("/proc/")) {
    return static_cast<std::uint64_t>(status.st_size);
  }
  const auto close = [](DIR* dir) { ::closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(::opendir(folder.c_str()), close);
  if (!dir) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  // The folder itself was open while it was read.
  if (folder.starts_with("/proc/") && count > 0) --count;
  return count;
}

// cgroup v2 gives "max" and v1 a number near 2^63 where there is no limit: both lose against the
// machine's memory.
std::optional<std::uint64_t> read_memory_limit(const std::string& root) {
  std::optional<std::uint64_t> least;
  const auto consider = [&](std::optional<std::uint64_t> bytes) {
    if (bytes && (!least || *bytes < *least)) least = bytes;
  };
  if (const auto meminfo = read_text(root + "/proc/meminfo")) {
    if (const auto kib = number_after(*meminfo, "MemTotal:")) consider(*kib * 1024);
  }
  consider(number_in(root + "/sys/fs/cgroup/memory.max"));
  consider(number_in(root + "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  // Without a cgroup namespace the own group lies deeper; the line of v2 is "0::/path".
  const auto groups = read_text(root + "/proc/self/cgroup");
  if (groups && groups->starts_with("0::/")) {
    const std::string group = groups->substr(3, groups->find('\n') - 3);
    if (group.find("..") == group.npos) {
      consider(number_in(root + "/sys/fs/cgroup" + group + "/memory.max"));
    }
  }
  return least;
}

}  // namespace

std::optional<StatLine> parse_stat(std::string_view text) {
  const auto name_end = text.rfind(") ");
  if (name_end == text.npos) return std::nullopt;
  text.remove_prefix(name_end + 2);
  // proc(5): the first field here is number 3 (state); 14 utime, 15 stime, 20 num_threads,
  // 22 starttime, 23 vsize, 24 rss.
  constexpr std::size_t kFirst = 3;
  constexpr std::size_t kLast = 24;
  std::array<std::string_view, kLast + 1> fields{};
  for (std::size_t i = kFirst; i <= kLast; ++i) {
    const auto space = text.find(' ');
    fields[i] = text.substr(0, space);
    if (fields[i].empty()) return std::nullopt;
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
  }
  std::array<std::uint64_t, kLast + 1> numbers{};
  for (const std::size_t i : {14, 15, 20, 22, 23, 24}) {
    const auto number = parse_number(fields[i]);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return StatLine{numbers[14], numbers[15], numbers[20], numbers[22], numbers[23], numbers[24]};
}

Usage read_usage(const std::string& root) {
  const auto stat = parse_stat(read_text(root + "/proc/self/stat").value_or(""));
  if (!stat) return {};
  return {static_cast<double>(stat->user_ticks + stat->system_ticks) /
              static_cast<double>(::sysconf(_SC_CLK_TCK)),
          stat->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

MemoryFigures read_memory_figures(const std::string& root) {
  MemoryFigures figures;
  if (const auto stat = parse_stat(read_text(root + "/proc/self/stat").value_or(""))) {
    figures.virtual_bytes = stat->virtual_bytes;
    figures.resident_bytes =
        stat->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  figures.limit_bytes = read_memory_limit(root);
  return figures;
}

ProcessFigures read_process_figures(const std::string& root) {
  ProcessFigures figures;
  figures.memory = read_memory_figures(root);
  const std::string self = root + "/proc/self";
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (const auto stat = parse_stat(read_text(self + "/stat").value_or(""))) {
    figures.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks;
    figures.threads = stat->threads;
    const auto boot = number_after(read_text(root + "/proc/stat").value_or(""), "btime ");
    if (boot) {
      figures.start_time_seconds =
          static_cast<double>(*boot) + static_cast<double>(stat->start_ticks) / ticks;
    }
  }
  figures.open_fds = count_fds(self + "/fd");
  figures.max_fds = number_after(read_text(self + "/limits").value_or(""), "Max open files");
  return figures;
}

}  // namespace mr::observability
