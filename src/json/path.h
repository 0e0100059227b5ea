#pragma once

#include <string>
#include <string_view>

namespace mr::json {

// The text of the string, number or boolean at a path of member names, "data.symbol", appended to
// `out`; false and nothing appended when there is none, or null, an array or an object there. When
// `json` is a string, what it holds is looked into. The first of two members of one name counts,
// as in Value. Reads no further than it must and allocates nothing but the result; of text that is
// not JSON the answer may be anything.
bool append_text_at(std::string_view json, std::string_view path, std::string& out);

}  // namespace mr::json
