#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace mr::test {

// A secret that was found in an output, with what stands around it for the failure's message.
struct SecretHit {
  std::string secret;
  std::size_t line = 0;  // from 1
  std::string context;   // the line, the secret itself masked
};

// Where `secrets` stand in `text`. Only the exact bytes are found: other forms of a secret (base64,
// percent-encoded) are given as further secrets. Secrets shorter than 4 bytes are skipped, they
// would be found by chance.
inline std::vector<SecretHit> grep_secrets(std::string_view text,
                                           const std::vector<std::string>& secrets) {
  std::vector<SecretHit> hits;
  for (const std::string& secret : secrets) {
    if (secret.size() < 4) continue;
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + secret.size())) {
      const auto newline = at == 0 ? text.npos : text.rfind('\n', at - 1);
      const auto begin = newline == text.npos ? 0 : newline + 1;
      const auto end = std::min(text.find('\n', at), text.size());
      std::string context(text.substr(begin, end - begin));
      for (auto i = context.find(secret); i != context.npos; i = context.find(secret, i + 3)) {
        context.replace(i, secret.size(), "***");
      }
      const auto line =
          std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      hits.push_back({secret, static_cast<std::size_t>(line) + 1, std::move(context)});
    }
  }
  return hits;
}

// The same for a file, such as a node's log; a file that cannot be read has no hits.
inline std::vector<SecretHit> grep_secrets_in_file(const std::string& path,
                                                   const std::vector<std::string>& secrets) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return grep_secrets(text.str(), secrets);
}

// For EXPECT_EQ(describe(hits), ""): one line per hit.
inline std::string describe(const std::vector<SecretHit>& hits) {
  std::string out;
  for (const SecretHit& hit : hits) {
    out += "line " + std::to_string(hit.line) + ": " + hit.context + "\n";
  }
  return out;
}

}  // namespace mr::test
