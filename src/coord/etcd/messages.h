// coord/etcd/messages.h: our transactions and entries as etcd's messages, and back; etcd's refusals as our codes. Pure.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "coord/coord_store.h"
#include "cronfleet_etcd_rpc.pb.h"

namespace cronfleet::coord {

// The key after all keys that begin with `prefix`; "\0", which etcd reads as "no end", where there is none.
std::string prefix_end(std::string prefix);

// etcd takes at most this many operations in one transaction.
inline constexpr std::size_t kOperationsMax = 128;

// One transaction as it is, several as an outer one without conditions, with one inner transaction per member.
etcdserverpb::TxnRequest encode_batch(std::vector<Txn> batch);
std::vector<TxnAnswer> decode_answers(etcdserverpb::TxnResponse response, std::size_t members);

// Linearizable when sent as it is, as of a revision otherwise.
etcdserverpb::TxnRequest encode_reads(const std::vector<std::string>& keys, std::size_t from, std::size_t to,
                                      Revision at);
void decode_reads(etcdserverpb::TxnResponse response, std::vector<KeyValue>& into);

KeyValue decode(mvccpb::KeyValue entry);

// What went wrong with a call; `about` says which call to whom.
Status status_of(const grpc::Status& status, const std::string& about, const std::string& key_prefix);
// Nothing was done, and a new login may cure it.
bool asks_for_login(const grpc::Status& status);

}  // namespace cronfleet::coord
