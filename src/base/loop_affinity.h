#pragma once

namespace mr::base {

// Which loop an object belongs to, without knowing net/. The loop implements it.
class LoopAffinity {
 public:
  virtual ~LoopAffinity() = default;
  // True on the owning loop: the thread in production, the stepped loop in simulation.
  virtual bool is_current() const = 0;
};

}  // namespace mr::base
