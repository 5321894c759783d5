// Certificates as a test needs them: a CA, and what it signs.
#pragma once

#include <memory>
#include <string>

namespace restored::net_test {

struct Issued {
  std::string certificate_file;
  std::string key_file;
};

class Authority {
 public:
  // Files go into `directory`, named after `name`.
  Authority(std::string directory, const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& file() const { return file_; }
  // alternatives: "DNS:store.test, IP:127.0.0.1"; valid from an hour before its end on.
  Issued issue(const std::string& name, const std::string& alternatives,
               long seconds_until_end = 3600) const;

 private:
  struct Held;
  const std::string directory_;
  std::string file_;
  const std::unique_ptr<Held> held_;
};

}  // namespace restored::net_test
