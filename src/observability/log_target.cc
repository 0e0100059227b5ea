#include "observability/log_target.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace mr::observability {
namespace {

// Longer than a reader's pause, shorter than a supervisor's patience at the end.
constexpr int kWriteWaitMs = 1000;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      // A shell may have left its terminal or pipe non-blocking.
      pollfd writable{fd, POLLOUT, 0};
      if (errno == EAGAIN && ::poll(&writable, 1, kWriteWaitMs) > 0) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// https://no-color.org: set and not empty, whatever the value.
bool environment_allows_color() {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

class StderrTarget final : public LogTarget {
 public:
  bool write(std::string_view lines) override { return write_all(STDERR_FILENO, lines); }
  bool reopen() override { return true; }
  bool is_terminal() const override { return ::isatty(STDERR_FILENO) == 1; }
  bool takes_color() const override { return is_terminal() && environment_allows_color(); }
};

int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

class FileTarget final : public LogTarget {
 public:
  FileTarget(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~FileTarget() override { ::close(fd_); }
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;

  bool write(std::string_view lines) override { return write_all(fd_, lines); }
  bool reopen() override {
    const int fd = open_for_append(path_);
    if (fd < 0) return false;
    ::close(std::exchange(fd_, fd));
    return true;
  }
  bool is_terminal() const override { return ::isatty(fd_) == 1; }
  bool takes_color() const override { return is_terminal() && environment_allows_color(); }

 private:
  const std::string path_;
  int fd_;
};

}  // namespace

base::Result<std::unique_ptr<LogTarget>, LogErrc> open_log_target(const std::string& path) {
  if (path.empty()) return std::unique_ptr<LogTarget>(std::make_unique<StderrTarget>());
  const int fd = open_for_append(path);
  if (fd < 0) {
    return base::Error<LogErrc>{
        LogErrc::kBadFile, "log.file: cannot append to \"" + path +
                               "\": " + std::generic_category().message(errno) +
                               "; name a file in a folder that exists and that we may write to"};
  }
  return std::unique_ptr<LogTarget>(std::make_unique<FileTarget>(path, fd));
}

}  // namespace mr::observability
