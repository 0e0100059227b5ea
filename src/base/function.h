#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace mr::base {

template <class Signature>
class Function;

// A move-only callable with 48 bytes of room for its captures; larger ones go to the heap.
template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}  // NOLINT
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Function> &&
             std::is_invocable_r_v<R, std::remove_cvref_t<F>&, Args...>)
  Function(F&& f) {  // NOLINT
    using Stored = std::remove_cvref_t<F>;
    if constexpr (sizeof(Stored) <= kRoom && alignof(Stored) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Stored>) {
      ::new (static_cast<void*>(room_)) Stored(std::forward<F>(f));
      ops_ = &kInline<Stored>;
    } else {
      ::new (static_cast<void*>(room_)) Stored*(new Stored(std::forward<F>(f)));
      ops_ = &kHeap<Stored>;
    }
  }
  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Function() { reset(); }

  R operator()(Args... args) {
    MR_ASSERT(ops_ != nullptr, "call of an empty function");
    return ops_->call(room_, std::forward<Args>(args)...);
  }
  explicit operator bool() const { return ops_ != nullptr; }

 private:
  static constexpr std::size_t kRoom = 48;
  struct Ops {
    R (*call)(void*, Args&&...);
    void (*move)(void* from, void* to);
    void (*destroy)(void*);
  };
  template <class S>
  static constexpr Ops kInline{[](void* p, Args&&... args) -> R {
                                 return (*static_cast<S*>(p))(std::forward<Args>(args)...);
                               },
                               [](void* from, void* to) {
                                 ::new (to) S(std::move(*static_cast<S*>(from)));
                                 static_cast<S*>(from)->~S();
                               },
                               [](void* p) { static_cast<S*>(p)->~S(); }};
  template <class S>
  static constexpr Ops kHeap{[](void* p, Args&&... args) -> R {
                               return (**static_cast<S**>(p))(std::forward<Args>(args)...);
                             },
                             [](void* from, void* to) { ::new (to) S*(*static_cast<S**>(from)); },
                             [](void* p) { delete *static_cast<S**>(p); }};

  void take(Function& other) {
    ops_ = std::exchange(other.ops_, nullptr);
    if (ops_ != nullptr) ops_->move(other.room_, room_);
  }
  void reset() {
    if (ops_ != nullptr) std::exchange(ops_, nullptr)->destroy(room_);
  }

  alignas(std::max_align_t) std::byte room_[kRoom];
  const Ops* ops_ = nullptr;
};

// Work that a loop runs once.
using Task = Function<void()>;

}  // namespace mr::base
