#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace mr::http {

// An answer. Content-Length, Connection and Content-Type are written from the other fields and
// must not be among `headers`; Content-Type is left out when `content_type` is empty.
struct Response {
  int status = 200;
  std::vector<Header> headers;  // names in any case here; values without CR and LF
  std::string body;
  std::string content_type;
  std::string_view reason = {};  // of a refusal, for the log; a literal

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
};

// {"error": ...} is the API's business; these two are plain.
Response text_response(int status, std::string body);
Response json_response(int status, std::string body);

// RFC 9110 15; "Unknown" for a code that is not ours.
std::string_view reason_phrase(int status);

// The bytes of an answer (RFC 9112). 1xx, 204 and 304 have no body and no Content-Length;
// `head_only` announces the length and leaves the body out. CR, LF and NUL in a header value
// become spaces: an answer never splits.
std::string write_response(const Response& response, bool keep_alive, bool head_only);
// Appends instead.
void append_response(std::string& out, const Response& response, bool keep_alive, bool head_only);

}  // namespace mr::http
