#pragma once

namespace mr::json {

// Steps through the source of JSON that was checked before and is followed by 64 zero bytes.
// Internal to json/; none of these stops at the end of a broken text.

// First byte that is not white space (RFC 8259 section 2).
const char* skip_space(const char* at);
// `at` is an opening quote; gives the byte after the closing one.
const char* skip_string(const char* at);
// `at` is the first byte of any value; gives the byte after its last.
const char* skip_value(const char* at);

}  // namespace mr::json
