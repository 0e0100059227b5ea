#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace mr::base {

// An expected failure: a code of the folder's enum and a text that names the thing and the value.
template <class E>
struct Error {
  E code{};
  std::string detail{};
};

// The value, or why there is none. Nothing is thrown.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT
  Result(Error<E> error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    MR_ASSERT(ok(), "value of a failed result");
    return std::get<0>(state_);
  }
  const T& value() const& {
    MR_ASSERT(ok(), "value of a failed result");
    return std::get<0>(state_);
  }
  T&& value() && {
    MR_ASSERT(ok(), "value of a failed result");
    return std::get<0>(std::move(state_));
  }
  const Error<E>& error() const {
    MR_ASSERT(!ok(), "error of a good result");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error<E>> state_;
};

// For operations that have no value to give.
struct Done {};

}  // namespace mr::base
