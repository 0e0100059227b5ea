#pragma once

#include <memory>

namespace mr::base {

// Keeps it until the process ends: for what nobody can say of whether it is still used. Any thread.
void keep_for_ever(std::shared_ptr<void> object);

}  // namespace mr::base
