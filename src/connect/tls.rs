//! TLS as libpq does it: only the roots of `sslrootcert`, its rules for names, files and keys.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{
    self, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslRef, SslVerifyMode, SslVersion,
};
use openssl::x509::X509VerifyResult;
use openssl::x509::store::X509Lookup;
use openssl::x509::verify::X509VerifyFlags;
use tokio_openssl::SslStream;

use super::files::{Disk, Files};
use super::stream::Socket;
use super::target::{SslMode, Tls, TlsVersion};
use super::verify;

/// Encrypts connections to one host. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Connector {
    context: SslContext,
    host: String,
    sni: bool,
    verify_name: bool,
    direct: bool,
}

/// The protocol's name in TLS's application-layer protocol negotiation (ALPN), after its length.
const ALPN: &[u8] = b"\x0apostgresql";

impl Connector {
    /// For the host of this name (which may be empty).
    pub(super) fn new(context: SslContext, tls: &Tls, host: &str) -> Connector {
        Connector {
            context,
            host: host.to_owned(),
            sni: tls.sni,
            verify_name: tls.mode == SslMode::VerifyFull,
            direct: tls.direct,
        }
    }

    /// Returns whether TLS begins at once, without first asking the server whether it supports TLS.
    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The handshake. Also gives what SCRAM is bound to.
    pub(super) async fn handshake(
        &self,
        stream: Socket,
    ) -> Result<(SslStream<Socket>, Option<Vec<u8>>), String> {
        let mut ssl = Ssl::new(&self.context).map_err(|error| reason(&error))?;
        if self.sni && is_name(&self.host) {
            ssl.set_hostname(&self.host).map_err(|error| reason(&error))?;
        }
        if self.direct {
            ssl.set_alpn_protos(ALPN).map_err(|error| reason(&error))?;
        }
        let mut stream = SslStream::new(ssl, stream).map_err(|error| reason(&error))?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            return Err(handshake_error(&error, stream.ssl()));
        }
        // Without ALPN the server might speak any other protocol over TLS.
        if self.direct && stream.ssl().selected_alpn_protocol() != Some(&ALPN[1..]) {
            return Err("direct SSL connection was established without ALPN protocol negotiation extension"
                .to_owned());
        }
        if self.verify_name {
            if self.host.is_empty() {
                return Err("host name must be specified for a verified SSL connection".to_owned());
            }
            let certificate =
                stream.ssl().peer_certificate().ok_or_else(|| "the server sent no certificate".to_owned())?;
            verify::name(&certificate, &self.host)?;
        }
        let end_point = end_point(stream.ssl());
        Ok((stream, end_point))
    }
}

/// Server name indication is for names, not for addresses.
fn is_name(host: &str) -> bool {
    !host.is_empty() && !host.contains(':') && !host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Reads the files and builds the context. What fails here fails a handshake: `prefer` goes on without TLS.
pub(super) fn context(tls: &Tls) -> Result<SslContext, String> {
    let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(|error| reason(&error))?;
    builder.set_min_proto_version(tls.min.map(version)).map_err(|error| reason(&error))?;
    builder.set_max_proto_version(tls.max.map(version)).map_err(|error| reason(&error))?;

    let default = |name: &str| tls.folder.as_ref().map(|folder| folder.join(name));
    if tls.root_cert.as_deref() == Some("system") {
        builder
            .set_default_verify_paths()
            .map_err(|error| format!("could not load system root certificate paths: {}", reason(&error)))?;
        builder.set_verify(SslVerifyMode::PEER);
        revocations(&mut builder, tls)?;
    } else {
        let root = tls.root_cert.as_ref().map(PathBuf::from).or_else(|| default("root.crt"));
        match root {
            // Where there is a root certificate it is used, whatever the mode.
            Some(path) if Disk.stat(&path).is_ok() => {
                builder.set_ca_file(&path).map_err(|error| {
                    format!("could not read root certificate file \"{}\": {}", path.display(), reason(&error))
                })?;
                builder.set_verify(SslVerifyMode::PEER);
                revocations(&mut builder, tls)?;
            }
            Some(path) if tls.mode >= SslMode::VerifyCa => {
                return Err(format!("root certificate file \"{}\" does not exist", path.display()));
            }
            None if tls.mode >= SslMode::VerifyCa => {
                return Err("could not get home directory to locate root certificate file".to_owned());
            }
            _ => builder.set_verify(SslVerifyMode::NONE),
        }
    }

    let certificate = tls.cert.as_ref().map(PathBuf::from).or_else(|| default("postgresql.crt"));
    if let Some(path) = certificate.filter(|_| tls.send_cert) {
        match Disk.stat(&path) {
            Ok(_) => {
                builder.set_certificate_chain_file(&path).map_err(|error| {
                    format!("could not read certificate file \"{}\": {}", path.display(), reason(&error))
                })?;
                if let Some(path) = tls.key.as_ref().map(PathBuf::from).or_else(|| default("postgresql.key"))
                {
                    let key = private_key(&path, tls)?;
                    builder.set_private_key(&key).map_err(|error| {
                        format!("could not load private key file \"{}\": {}", path.display(), reason(&error))
                    })?;
                    builder.check_private_key().map_err(|error| {
                        format!(
                            "certificate does not match private key file \"{}\": {}",
                            path.display(),
                            reason(&error)
                        )
                    })?;
                }
            }
            // Without a certificate the server may let us in or not.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(format!(
                    "could not open certificate file \"{}\": {}",
                    path.display(),
                    os_text(&error)
                ));
            }
        }
    }
    Ok(builder.build())
}

/// Has OpenSSL check certificates against the lists of revoked ones. libpq ignores a list that it cannot read; here
/// that is an error, because whoever sets `sslcrl` relies on the list.
fn revocations(builder: &mut SslContextBuilder, tls: &Tls) -> Result<(), String> {
    let file = match (&tls.crl, &tls.crl_dir) {
        (Some(file), _) => Some(PathBuf::from(file)),
        (None, Some(_)) => None,
        (None, None) => {
            tls.folder.as_ref().map(|folder| folder.join("root.crl")).filter(|path| Disk.stat(path).is_ok())
        }
    };
    let store = builder.cert_store_mut();
    if let Some(path) = &file {
        let failed = |why: String| {
            format!("could not read certificate revocation list file \"{}\": {why}", path.display())
        };
        Disk.stat(path).map_err(|error| failed(os_text(&error)))?;
        let lookup = store.add_lookup(X509Lookup::file()).map_err(|error| failed(reason(&error)))?;
        lookup.load_crl_file(path, SslFiletype::PEM).map_err(|error| failed(reason(&error)))?;
    }
    if let Some(folder) = &tls.crl_dir {
        let failed =
            |why: String| format!("could not read certificate revocation list directory \"{folder}\": {why}");
        match Disk.stat(Path::new(folder)) {
            Ok(stat) if stat.directory => {}
            Ok(_) => return Err(failed("Not a directory".to_owned())),
            Err(error) => return Err(failed(os_text(&error))),
        }
        let lookup = store.add_lookup(X509Lookup::hash_dir()).map_err(|error| failed(reason(&error)))?;
        lookup.add_dir(folder, SslFiletype::PEM).map_err(|error| failed(reason(&error)))?;
    }
    if file.is_some() || tls.crl_dir.is_some() {
        let flags = X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL;
        store.set_flags(flags).map_err(|error| reason(&error))?;
    }
    Ok(())
}

fn private_key(path: &Path, tls: &Tls) -> Result<PKey<openssl::pkey::Private>, String> {
    let shown = path.display();
    let stat = match Disk.stat(path) {
        Ok(stat) => stat,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("certificate present, but not private key file \"{shown}\""));
        }
        Err(error) => {
            return Err(format!("could not stat private key file \"{shown}\": {}", os_text(&error)));
        }
    };
    if !stat.regular {
        return Err(format!("private key file \"{shown}\" is not a regular file"));
    }
    // Root's keys may be readable by a group, so that a machine's services can share one.
    let forbidden = if stat.uid == 0 { 0o037 } else { 0o077 };
    if stat.mode & forbidden != 0 {
        return Err(format!(
            "private key file \"{shown}\" has group or world access; file must have permissions u=rw (0600) or \
             less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root"
        ));
    }
    let content = Disk
        .read(path)
        .map_err(|error| format!("could not load private key file \"{shown}\": {}", os_text(&error)))?;
    // Without a callback of ours OpenSSL would ask on the terminal.
    let key = PKey::private_key_from_pem_callback(&content, |buffer| {
        let password = tls.key_password.as_ref().map_or(&[][..], |secret| secret.expose());
        let length = password.len().min(buffer.len());
        buffer[..length].copy_from_slice(&password[..length]);
        Ok(length)
    });
    key.or_else(|error| PKey::private_key_from_der(&content).map_err(|_| error))
        .map_err(|error| format!("could not load private key file \"{shown}\": {}", reason(&error)))
}

const fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}

/// RFC 5929: the certificate's hash, by its signature's own algorithm unless that is too weak. `None` where
/// the signature has no such algorithm; SCRAM then does without.
fn end_point(ssl: &SslRef) -> Option<Vec<u8>> {
    let certificate = ssl.peer_certificate()?;
    let algorithms = certificate.signature_algorithm().object().nid().signature_algorithms()?;
    let digest = match algorithms.digest {
        Nid::UNDEF => return None,
        Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
        digest => MessageDigest::from_nid(digest)?,
    };
    certificate.digest(digest).ok().map(|digest| digest.to_vec())
}

/// OpenSSL's own words, without its addresses.
fn reason(errors: &ErrorStack) -> String {
    errors.errors().iter().find_map(|error| error.reason()).unwrap_or("unknown error").to_owned()
}

fn handshake_error(error: &ssl::Error, ssl: &SslRef) -> String {
    let verified = ssl.verify_result();
    match error.ssl_error() {
        Some(errors) if verified != X509VerifyResult::OK => {
            format!("SSL error: {} ({})", reason(errors), verified.error_string())
        }
        Some(errors) => format!("SSL error: {}", reason(errors)),
        None => match error.io_error() {
            Some(error) => format!("SSL SYSCALL error: {}", os_text(error)),
            None => "SSL SYSCALL error: EOF detected".to_owned(),
        },
    }
}

/// The operating system's words without Rust's number, or OpenSSL's where it is behind.
pub(super) fn os_text(error: &io::Error) -> String {
    if let Some(code) = error.raw_os_error() {
        return nix::errno::Errno::from_raw(code).desc().to_owned();
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ssl::Error>()).and_then(ssl::Error::ssl_error)
    {
        Some(errors) => format!("SSL error: {}", reason(errors)),
        None => error.to_string(),
    }
}
