#include "domain/field_error.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace cronfleet::domain {

std::string FieldError::text() const {
  std::string place;
  if (line > 0) {
    place = fmt::format("line {}, column {}", line, column);
  } else if (column > 0) {
    place = fmt::format("column {}", column);
  }
  std::string sentence = pointer.empty() ? place : place.empty() ? pointer : fmt::format("{} ({})", pointer, place);
  if (!sentence.empty()) sentence += ": ";
  sentence += message;
  if (!suggestion.empty()) sentence += fmt::format("; did you mean '{}'?", suggestion);
  return sentence;
}

void DocumentErrors::add(FieldError error) {
  add_made([&] { return std::move(error); });
}

void DocumentErrors::add(DocumentErrors errors) {
  for (FieldError& error : errors.errors_) add(std::move(error));
  left_out_ += errors.left_out_;
}

void DocumentErrors::sort_by_place() {
  // By insertion: few, mostly in order already, and std::stable_sort of libstdc++ 12 warns under clang.
  const auto before = [](const FieldError& a, const FieldError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  };
  for (auto error = errors_.begin(); error != errors_.end(); ++error)
    std::rotate(std::upper_bound(errors_.begin(), error, *error, before), error, error + 1);
}

Status DocumentErrors::status() const {
  CHECK(!errors_.empty());
  std::string sentence = count() > 1 ? fmt::format("{} mistakes: ", count()) : std::string();
  for (const FieldError& error : errors_) {
    if (&error != &errors_.front()) sentence += "; ";
    sentence += error.text();
  }
  if (left_out_ > 0) sentence += fmt::format("; and {} more", left_out_);
  return Status(Code::InvalidArgument, std::move(sentence));
}

}  // namespace cronfleet::domain
