#pragma once

#include <string>
#include <vector>

namespace mr::app {

// `millrace doctor [--json] [FLAGS of a start]`: reads the configuration as a start would, and
// tries what a node of it needs: open files, the broker with what its user may do there, its
// version and memory policy, JetStream, clocks. Starts no node and leaves nothing behind. Exit
// code 0: nothing is wrong but for warnings, 1: something is, 2: the configuration.
int run_doctor(std::vector<std::string> args);

}  // namespace mr::app
