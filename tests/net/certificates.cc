#include "certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "base/check.h"

namespace restored::net_test {
namespace {

struct Free {
  void operator()(X509* held) const { X509_free(held); }
  void operator()(EVP_PKEY* held) const { EVP_PKEY_free(held); }
  void operator()(X509_EXTENSION* held) const { X509_EXTENSION_free(held); }
  void operator()(std::FILE* held) const { std::fclose(held); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Key new_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  RESTORED_CHECK(key != nullptr, "a key can be made");
  return key;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  RESTORED_CHECK(extension != nullptr, "the extension is well formed");
  X509_add_ext(certificate, extension.get(), -1);
}

Certificate new_certificate(const std::string& name, EVP_PKEY* key, long seconds_until_end) {
  static long serial = 1;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), seconds_until_end - 7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds_until_end);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  RESTORED_CHECK(X509_sign(certificate, key, EVP_sha256()) > 0, "the certificate can be signed");
}

std::unique_ptr<std::FILE, Free> open_file(const std::string& path) {
  std::unique_ptr<std::FILE, Free> file(std::fopen(path.c_str(), "w"));
  RESTORED_CHECK(file != nullptr, "the test's directory can be written");
  return file;
}

}  // namespace

struct Authority::Held {
  Key key;
  Certificate certificate;
};

Authority::Authority(std::string directory, const std::string& name)
    : directory_(std::move(directory)),
      file_(directory_ + "/" + name + ".pem"),
      held_(std::make_unique<Held>()) {
  held_->key = new_key();
  held_->certificate = new_certificate(name, held_->key.get(), 3600);
  X509* const own = held_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  sign(own, own, held_->key.get());
  PEM_write_X509(open_file(file_).get(), own);
}

Authority::~Authority() = default;

Issued Authority::issue(const std::string& name, const std::string& alternatives,
                        long seconds_until_end) const {
  const Key key = new_key();
  const Certificate made = new_certificate(name, key.get(), seconds_until_end);
  extend(made.get(), held_->certificate.get(), NID_subject_alt_name, alternatives);
  sign(made.get(), held_->certificate.get(), held_->key.get());
  Issued issued{directory_ + "/" + name + ".crt", directory_ + "/" + name + ".key"};
  PEM_write_X509(open_file(issued.certificate_file).get(), made.get());
  PEM_write_PrivateKey(open_file(issued.key_file).get(), key.get(), nullptr, nullptr, 0, nullptr,
                       nullptr);
  return issued;
}

}  // namespace restored::net_test
