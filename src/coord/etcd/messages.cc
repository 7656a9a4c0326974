#include "coord/etcd/messages.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace cronfleet::coord {
namespace {

namespace pb = etcdserverpb;

void encode(const Condition& condition, pb::Compare& out) {
  using Kind = Condition::Kind;
  out.set_key(condition.key);
  switch (condition.kind) {
    case Kind::Absent:
      out.set_target(pb::Compare::CREATE);
      out.set_result(pb::Compare::EQUAL);
      out.set_create_revision(0);
      return;
    case Kind::Present:
      out.set_target(pb::Compare::CREATE);
      out.set_result(pb::Compare::GREATER);
      out.set_create_revision(0);
      return;
    case Kind::ModifiedAt:
      out.set_target(pb::Compare::MOD);
      out.set_result(pb::Compare::EQUAL);
      out.set_mod_revision(condition.revision);
      return;
    case Kind::ValueEquals: out.set_result(pb::Compare::EQUAL); break;
    case Kind::ValueGreater: out.set_result(pb::Compare::GREATER); break;
    case Kind::ValueLess: out.set_result(pb::Compare::LESS); break;
  }
  out.set_target(pb::Compare::VALUE);
  out.set_value(condition.value);
}

void encode(Txn txn, pb::TxnRequest& out) {
  for (const Condition& condition : txn.expected) encode(condition, *out.add_compare());
  for (Write& write : txn.writes) {
    pb::RequestOp& op = *out.add_success();
    if (write.value) {
      pb::PutRequest& put = *op.mutable_request_put();
      put.set_key(std::move(write.key));
      put.set_value(std::move(*write.value));
      put.set_lease(write.lease);
    } else {
      op.mutable_request_delete_range()->set_key(std::move(write.key));
    }
  }
  for (std::string& key : txn.read_if_refused) out.add_failure()->mutable_request_range()->set_key(std::move(key));
}

TxnAnswer decode_answer(pb::TxnResponse& response, Revision revision) {
  TxnAnswer answer{response.succeeded(), revision, {}};
  if (answer.committed) return answer;
  for (pb::ResponseOp& op : *response.mutable_responses()) {
    for (mvccpb::KeyValue& entry : *op.mutable_response_range()->mutable_kvs())
      answer.found.push_back(decode(std::move(entry)));
  }
  return answer;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

pb::TxnRequest encode_batch(std::vector<Txn> batch) {
  pb::TxnRequest request;
  if (batch.size() == 1) {
    encode(std::move(batch.front()), request);
    return request;
  }
  for (Txn& txn : batch) encode(std::move(txn), *request.add_success()->mutable_request_txn());
  return request;
}

std::vector<TxnAnswer> decode_answers(pb::TxnResponse response, std::size_t members) {
  const Revision revision = response.header().revision();
  std::vector<TxnAnswer> answers;
  if (members == 1) {
    answers.push_back(decode_answer(response, revision));
    return answers;
  }
  answers.reserve(members);
  for (pb::ResponseOp& op : *response.mutable_responses())
    answers.push_back(decode_answer(*op.mutable_response_txn(), revision));
  return answers;
}

pb::TxnRequest encode_reads(const std::vector<std::string>& keys, std::size_t from, std::size_t to, Revision at) {
  pb::TxnRequest request;
  for (std::size_t i = from; i < to; ++i) {
    pb::RangeRequest& range = *request.add_success()->mutable_request_range();
    range.set_key(keys[i]);
    range.set_revision(at);
  }
  return request;
}

void decode_reads(pb::TxnResponse response, std::vector<KeyValue>& into) {
  for (pb::ResponseOp& op : *response.mutable_responses()) {
    for (mvccpb::KeyValue& entry : *op.mutable_response_range()->mutable_kvs())
      into.push_back(decode(std::move(entry)));
  }
}

KeyValue decode(mvccpb::KeyValue entry) {
  return {std::move(*entry.mutable_key()), std::move(*entry.mutable_value()), entry.create_revision(),
          entry.mod_revision(), entry.lease()};
}

bool asks_for_login(const grpc::Status& status) {
  const std::string text = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) return true;
  return status.error_code() == grpc::StatusCode::INVALID_ARGUMENT &&
         (contains(text, "user name is empty") || contains(text, "revision of auth store is old") ||
          contains(text, "revision in header is old") || contains(text, "invalid auth token"));
}

Status status_of(const grpc::Status& status, const std::string& about, const std::string& key_prefix) {
  const std::string text = status.error_message();
  const auto with = [&](Code code, std::string_view advice = {}) {
    return Status(code, fmt::format("{}: {}{}", about, text.empty() ? "no reason given" : text, advice));
  };
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND: return with(contains(text, "lease") ? Code::LeaseLost : Code::NotFound);
    case grpc::StatusCode::OUT_OF_RANGE:
      return with(contains(text, "compacted") ? Code::Compacted : Code::InvalidArgument);
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (contains(text, "space exceeded"))
        return with(Code::NoSpace, "; compact and defragment etcd or raise its quota, then disarm the alarm");
      // Only what is too large as a whole is refused by name; too many requests are for later.
      return with(contains(text, "larger than max") ? Code::InvalidArgument : Code::Unavailable);
    case grpc::StatusCode::DATA_LOSS: return with(Code::Corrupt);
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::INVALID_ARGUMENT:
      if (asks_for_login(status) || contains(text, "authentication failed"))
        return with(Code::InvalidArgument,
                    fmt::format("; {0}user and {0}password must name a user of etcd", key_prefix));
      return with(Code::InvalidArgument);
    case grpc::StatusCode::PERMISSION_DENIED:
      return with(Code::InvalidArgument,
                  fmt::format("; the user in {}user needs a role that reads and writes our keys", key_prefix));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Status(Code::Unavailable, fmt::format("{}: no answer in time", about));
    default: return with(Code::Unavailable);
  }
}

}  // namespace cronfleet::coord
