// domain/field_error.h: what is wrong with a document, mistake by mistake, so that a user can mend all of it at once.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace cronfleet::domain {

struct FieldError {
  std::string pointer;  // JSON pointer (RFC 6901): "/retry/count"; empty: the whole document
  // Where it stands, counted from 1, columns in characters. Line 0: the value did not come from a text; a column is
  // then one inside the value itself (a cron expression).
  int line = 0;
  int column = 0;
  std::string message;     // what was found and what was expected
  std::string suggestion;  // what was probably meant; empty: nothing near

  // "/retry/cuont (line 3, column 5): unknown key; did you mean 'count'?"
  std::string text() const;
  friend bool operator==(const FieldError&, const FieldError&) = default;
};

class DocumentErrors {
 public:
  static constexpr std::size_t kErrorsMax = 20;  // past it they are only counted

  void add(FieldError error);
  // Makes the error only where there is still room for it: its place costs a walk over the text.
  template <typename Make>
  void add_made(Make make) {
    if (errors_.size() < kErrorsMax) {
      errors_.push_back(make());
    } else {
      ++left_out_;
    }
  }
  void add(DocumentErrors errors);
  void sort_by_place();  // those of one place stay in the order in which they were found

  bool empty() const { return errors_.empty(); }
  const std::vector<FieldError>& errors() const { return errors_; }
  std::size_t count() const { return errors_.size() + left_out_; }
  // InvalidArgument with all sentences: "2 mistakes: …; …".
  Status status() const;

 private:
  std::vector<FieldError> errors_;
  std::size_t left_out_ = 0;
};

}  // namespace cronfleet::domain
