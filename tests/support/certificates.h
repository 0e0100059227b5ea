#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace mr::test {

// An authority of this test alone and what it signs, made with the openssl program, in a temporary
// directory. What fails is a failure of the test, also that there is no openssl.
class Authority {
 public:
  struct Certificate {
    std::string cert_file;
    std::string key_file;
  };

  Authority() {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-certs-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << "mkdtemp " << pattern;
    directory_ = pattern;
    run("req -x509 " + new_key("ca") + " -subj '/CN=The authority of a test' -days 2 -out " +
        ca_file());
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // For these names, "DNS:localhost,IP:127.0.0.1"; one of -1 days is expired.
  Certificate sign(const std::string& names, int days = 2) const {
    const std::string base = file(std::to_string(++count_));
    const Certificate made{base + ".pem", base + ".key"};
    run("req -new " + new_key(std::to_string(count_)) +
        " -subj /CN=server -addext subjectAltName=" + names + " -out " + base + ".csr");
    run("x509 -req -in " + base + ".csr -CA " + ca_file() + " -CAkey " + file("ca.key") +
        " -copy_extensions copy -days " + std::to_string(days) + " -out " + made.cert_file);
    return made;
  }
  std::string ca_file() const { return file("ca.pem"); }
  // A file in the same directory, for whatever it should hold.
  std::string file(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string new_key(const std::string& name) const {
    return "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + file(name + ".key");
  }
  static void run(const std::string& words) {
    EXPECT_EQ(std::system(("openssl " + words + " 2>/dev/null").c_str()), 0) << "openssl " << words;
  }

  std::string directory_;
  mutable int count_ = 0;
};

}  // namespace mr::test
