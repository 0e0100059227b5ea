#include "observability/log_target.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace mr::observability {
namespace {

// Longer than a reader's pause, shorter than a supervisor's patience at the end.
constexpr int kWriteWaitMs = 500;

// What one write() may hold: as much as a pipe that is writable takes without blocking, and whole
// lines where they fit, so that a reader that comes back finds no half of one.
std::string_view next_part(std::string_view bytes) {
  if (bytes.size() <= PIPE_BUF) return bytes;
  const std::size_t newline = bytes.substr(0, PIPE_BUF).rfind('\n');
  return bytes.substr(0, newline == std::string_view::npos ? PIPE_BUF : newline + 1);
}

// Returns how much was taken. Nobody has to have made the descriptor non-blocking: stderr is
// shared with whoever started us. poll() first keeps a write from blocking all the same.
std::size_t write_all(int fd, std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    pollfd writable{fd, POLLOUT, 0};
    const int ready = ::poll(&writable, 1, kWriteWaitMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return taken;
    const std::string_view part = next_part(bytes.substr(taken));
    const ssize_t n = ::write(fd, part.data(), part.size());
    if (n >= 0) {
      taken += static_cast<std::size_t>(n);
    } else if (errno != EINTR && errno != EAGAIN) {
      return taken;
    }
  }
  return taken;
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
  std::size_t write(std::string_view lines) override { return write_all(STDERR_FILENO, lines); }
  bool reopen() override { return true; }
  bool is_terminal() const override { return ::isatty(STDERR_FILENO) == 1; }
  bool takes_color() const override { return is_terminal() && environment_allows_color(); }
};

// Non-blocking for a FIFO: without a reader its opening would wait for one.
int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
}

class FileTarget final : public LogTarget {
 public:
  FileTarget(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~FileTarget() override { ::close(fd_); }
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;

  std::size_t write(std::string_view lines) override { return write_all(fd_, lines); }
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
