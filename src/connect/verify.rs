//! Does a certificate speak for a host? By libpq's rules.

use std::net::IpAddr;

use openssl::nid::Nid;
use openssl::x509::X509Ref;

/// Fails, in libpq's words, unless the certificate is for this host.
pub(super) fn name(certificate: &X509Ref, host: &str) -> Result<(), String> {
    let address: Option<IpAddr> = host.parse().ok();
    let mut seen = Vec::new();
    // The common name counts only when no alternative name is of the host's kind.
    let mut common_name_counts = true;
    for alternative in certificate.subject_alt_names().iter().flatten() {
        if let Some(name) = alternative.dnsname() {
            common_name_counts &= address.is_some();
            if matches(name, host)? {
                return Ok(());
            }
            seen.push(name.to_owned());
        } else if let Some(bytes) = alternative.ipaddress() {
            common_name_counts &= address.is_none();
            if address.is_some_and(|address| octets(address) == bytes) {
                return Ok(());
            }
            seen.push(shown(bytes));
        }
    }
    if common_name_counts
        && let Some(entry) = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()
    {
        let name = String::from_utf8_lossy(entry.data().as_slice()).into_owned();
        if matches(&name, host)? {
            return Ok(());
        }
        seen.push(name);
    }
    Err(match seen.as_slice() {
        [] => "could not get server's host name from server certificate".to_owned(),
        [name] => format!("server certificate for \"{name}\" does not match host name \"{host}\""),
        [name, others @ ..] => format!(
            "server certificate for \"{name}\" (and {} other names) does not match host name \"{host}\"",
            others.len()
        ),
    })
}

/// A name of the certificate and the host's: the same, or a wildcard for just the left-most label.
fn matches(name: &str, host: &str) -> Result<bool, String> {
    // Some authorities have signed `good.example\0.evil.example`.
    if name.contains('\0') {
        return Err("SSL certificate's name contains embedded null".to_owned());
    }
    if name.eq_ignore_ascii_case(host) {
        return Ok(true);
    }
    let Some(suffix) = name.strip_prefix('*').filter(|suffix| suffix.len() >= 2 && suffix.starts_with('.'))
    else {
        return Ok(false);
    };
    Ok(match host.find('.') {
        Some(dot) => dot > 0 && host[dot..].eq_ignore_ascii_case(suffix),
        None => false,
    })
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn shown(bytes: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return IpAddr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(octets) => IpAddr::from(octets).to_string(),
        Err(_) => "an address of odd length".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        for (name, host, expected) in [
            ("db.example", "DB.Example", true),
            ("*.example", "db.example", true),
            ("*.example", "a.db.example", false),
            ("*.example", ".example", false),
            ("*.example", "example", false),
            ("d*.example", "db.example", false),
            ("*", "db", false),
            ("*.", "db.", false),
        ] {
            assert_eq!(matches(name, host), Ok(expected), "{name} {host}");
        }
        assert!(matches("db.example\0.evil", "db.example").is_err());
    }
}
