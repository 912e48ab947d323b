//! Authorities and certificates, made for one test.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, CrlNumber, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509CrlBuilder, X509Name, X509RevokedBuilder};

/// A certificate with its key.
pub struct Signed {
    pub certificate: X509,
    pub key: PKey<Private>,
}

/// What a certificate says.
#[derive(Default, Clone, Copy)]
pub struct Says {
    /// The common name, if any.
    pub common: Option<&'static str>,
    /// The alternative names; what reads as an address is one.
    pub names: &'static [&'static str],
    /// It may sign others.
    pub authority: bool,
    /// It was valid until yesterday.
    pub expired: bool,
    /// X.509 version 1, which knows no extensions.
    pub v1: bool,
}

/// Makes a certificate; without an issuer it signs itself.
pub fn sign(says: Says, issuer: Option<&Signed>) -> Signed {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("O", "pgkit's tests").unwrap();
    if let Some(common) = says.common {
        name.append_entry_by_text("CN", common).unwrap();
    }
    let name = name.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::MAYBE_ZERO, false).unwrap();
    let day = 24 * 60 * 60;
    let now = i64::try_from(now().as_secs()).unwrap();
    let time = |offset: i64| Asn1Time::from_unix(now + offset).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(if says.v1 { 0 } else { 2 }).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&time(-2 * day)).unwrap();
    builder.set_not_after(&time(if says.expired { -day } else { day })).unwrap();
    if says.authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder
            .append_extension(KeyUsage::new().key_cert_sign().crl_sign().digital_signature().build().unwrap())
            .unwrap();
    }
    if !says.names.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in says.names {
            if name.parse::<IpAddr>().is_ok() {
                names.ip(name)
            } else {
                names.dns(name)
            };
        }
        let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.certificate), None);
        let extension = names.build(&context).unwrap();
        builder.append_extension(extension).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Signed { certificate: builder.build(), key }
}

#[expect(clippy::disallowed_methods, reason = "certificates are valid around the present")]
fn now() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

impl Signed {
    /// Writes the certificate.
    pub fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.certificate.to_pem().unwrap()).unwrap();
        path.to_owned()
    }

    /// Writes the key, for its owner only.
    pub fn write_key(&self, path: &Path) -> PathBuf {
        private(path, &self.key.private_key_to_pem_pkcs8().unwrap())
    }

    /// Writes the key, encrypted.
    pub fn write_locked_key(&self, path: &Path, password: &str) -> PathBuf {
        let cipher = Cipher::aes_256_cbc();
        private(path, &self.key.private_key_to_pem_pkcs8_passphrase(cipher, password.as_bytes()).unwrap())
    }

    /// Writes the key as DER.
    pub fn write_der_key(&self, path: &Path) -> PathBuf {
        private(path, &self.key.private_key_to_der().unwrap())
    }
}

/// Writes an authority's list of revoked certificates, with this one or none.
pub fn write_revocations(authority: &Signed, revoked: Option<&Signed>, path: &Path) {
    let time = |offset: i64| Asn1Time::from_unix(i64::try_from(now().as_secs()).unwrap() + offset).unwrap();
    let mut list = X509CrlBuilder::new().unwrap();
    list.set_issuer_name(authority.certificate.subject_name()).unwrap();
    list.set_last_update(&time(-3600)).unwrap();
    list.set_next_update(&time(3600)).unwrap();
    let builder = X509::builder().unwrap();
    let context = builder.x509v3_context(Some(&authority.certificate), None);
    list.append_extension(AuthorityKeyIdentifier::new().issuer(true).build(&context).unwrap()).unwrap();
    list.append_extension(CrlNumber::new(BigNum::from_u32(1).unwrap()).unwrap().build().unwrap()).unwrap();
    if let Some(revoked) = revoked {
        let mut one = X509RevokedBuilder::new().unwrap();
        one.set_serial_number(revoked.certificate.serial_number()).unwrap();
        one.set_revocation_date(&time(-3600)).unwrap();
        list.add_revoked(one.build()).unwrap();
    }
    list.sign(&authority.key, MessageDigest::sha256()).unwrap();
    std::fs::write(path, list.build().unwrap().to_pem().unwrap()).unwrap();
}

fn private(path: &Path, content: &[u8]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_owned()
}
