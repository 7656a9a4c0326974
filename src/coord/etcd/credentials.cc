#include "coord/etcd/credentials.h"

#include <fstream>
#include <iterator>

namespace cronfleet::coord {
namespace {

Result<std::string> read_pem(const std::string& path, const std::string& key) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return fail(Code::InvalidArgument, "{}: cannot read '{}'", key, path);
  if (text.find("-----BEGIN ") == std::string::npos)
    return fail(Code::InvalidArgument, "{}: '{}' is not a PEM file", key, path);
  return text;
}

}  // namespace

Result<Credentials> Credentials::load(const EtcdOptions& options, bool tls) {
  const std::string& at = options.key_prefix;
  Credentials credentials;
  credentials.tls_ = tls;
  struct File {
    const char* key;
    const std::string& path;
    std::string& text;
  };
  for (const File& file : {File{"ca_file", options.ca_file, credentials.ca_},
                           File{"cert_file", options.cert_file, credentials.certificate_},
                           File{"key_file", options.key_file, credentials.key_}}) {
    auto text = read_pem(file.path, at + file.key);
    if (!text) return Failure(text.error());
    file.text = std::move(*text);
  }
  if (options.cert_file.empty() != options.key_file.empty())
    return fail(Code::InvalidArgument, "{0}{1}: is missing beside {0}{2}", at,
                options.cert_file.empty() ? "cert_file" : "key_file",
                options.cert_file.empty() ? "key_file" : "cert_file");
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials::make() const {
  if (!tls_) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_;
  options.pem_cert_chain = certificate_;
  options.pem_private_key = key_;
  return grpc::SslCredentials(options);
}

}  // namespace cronfleet::coord
