#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace mr::demo {

// One file that was built into the binary (tools/embed.py). Any thread; lives for ever.
struct EmbeddedFile {
  std::string_view name;
  const unsigned char* begin = nullptr;
  std::size_t size = 0;

  std::string_view bytes() const { return {reinterpret_cast<const char*>(begin), size}; }
};

std::span<const EmbeddedFile> embedded_files();

}  // namespace mr::demo
