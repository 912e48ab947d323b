//! The connection settings libpq knows, where each comes from, and the values found so far.

use std::collections::BTreeMap;

use super::environment::Environment;
use crate::error::{Error, Result};

/// A setting: its conninfo key, its environment variable, libpq's default.
struct Known {
    key: &'static str,
    var: Option<&'static str>,
    default: Option<&'static str>,
}

const fn known(key: &'static str, var: &'static str) -> Known {
    Known { key, var: Some(var), default: None }
}

const fn keyed(key: &'static str) -> Known {
    Known { key, var: None, default: None }
}

const fn defaulted(key: &'static str, var: &'static str, default: &'static str) -> Known {
    Known { key, var: Some(var), default: Some(default) }
}

/// Every key any libpq up to 18 takes. A key that pgkit cannot serve is here too: it must be refused by
/// name (see `resolve::refuse_unsupported`), not as a spelling mistake.
const KNOWN: &[Known] = &[
    known("service", "PGSERVICE"),
    known("servicefile", "PGSERVICEFILE"),
    known("user", "PGUSER"),
    known("password", "PGPASSWORD"),
    known("passfile", "PGPASSFILE"),
    defaulted("channel_binding", "PGCHANNELBINDING", "prefer"),
    known("connect_timeout", "PGCONNECT_TIMEOUT"),
    known("dbname", "PGDATABASE"),
    known("host", "PGHOST"),
    known("hostaddr", "PGHOSTADDR"),
    defaulted("port", "PGPORT", "5432"),
    known("client_encoding", "PGCLIENTENCODING"),
    known("options", "PGOPTIONS"),
    known("application_name", "PGAPPNAME"),
    keyed("fallback_application_name"),
    keyed("keepalives"),
    keyed("keepalives_idle"),
    keyed("keepalives_interval"),
    keyed("keepalives_count"),
    keyed("tcp_user_timeout"),
    defaulted("sslmode", "PGSSLMODE", "prefer"),
    known("sslnegotiation", "PGSSLNEGOTIATION"),
    known("sslcompression", "PGSSLCOMPRESSION"),
    known("sslcert", "PGSSLCERT"),
    known("sslkey", "PGSSLKEY"),
    known("sslcertmode", "PGSSLCERTMODE"),
    keyed("sslpassword"),
    known("sslrootcert", "PGSSLROOTCERT"),
    known("sslcrl", "PGSSLCRL"),
    known("sslcrldir", "PGSSLCRLDIR"),
    defaulted("sslsni", "PGSSLSNI", "1"),
    known("requirepeer", "PGREQUIREPEER"),
    known("require_auth", "PGREQUIREAUTH"),
    known("min_protocol_version", "PGMINPROTOCOLVERSION"),
    known("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    defaulted("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", "TLSv1.2"),
    known("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    known("gssencmode", "PGGSSENCMODE"),
    known("krbsrvname", "PGKRBSRVNAME"),
    known("gsslib", "PGGSSLIB"),
    known("gssdelegation", "PGGSSDELEGATION"),
    keyed("replication"),
    defaulted("target_session_attrs", "PGTARGETSESSIONATTRS", "any"),
    defaulted("load_balance_hosts", "PGLOADBALANCEHOSTS", "disable"),
    keyed("scram_client_key"),
    keyed("scram_server_key"),
    keyed("oauth_issuer"),
    keyed("oauth_client_id"),
    keyed("oauth_client_secret"),
    keyed("oauth_scope"),
    keyed("sslkeylogfile"),
];

/// Is this one of libpq's own environment variables?
pub fn is_variable(name: &str) -> bool {
    name == "PGREQUIRESSL" || KNOWN.iter().any(|known| known.var == Some(name))
}

/// Is this one of the keys of a `key=value` connection string?
pub fn is_key(name: &str) -> bool {
    KNOWN.iter().any(|known| known.key == name)
}

/// Values by key. A value that is set and empty is not the same as none: it hides what comes after it.
#[derive(Clone, Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, String>,
}

impl Settings {
    /// What was given for the key, empty or not.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// What was given for the key, when it says something.
    pub(super) fn nonempty(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// Returns all values with their keys, in the order of the keys.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Sets a key over what was there; false when there is no such key.
    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) -> bool {
        let mut value = value.into();
        // libpq has kept this name of old.
        let key = if key == "requiressl" {
            value = if value.starts_with('1') { "require" } else { "prefer" }.to_owned();
            "sslmode"
        } else {
            key
        };
        match KNOWN.iter().find(|known| known.key == key) {
            Some(known) => {
                self.values.insert(known.key, value);
                true
            }
            None => false,
        }
    }

    /// Sets a key unless it is set; false when there is no such key.
    pub(super) fn set_if_absent(&mut self, key: &str, value: &str) -> bool {
        match KNOWN.iter().find(|known| known.key == key) {
            Some(known) => {
                self.values.entry(known.key).or_insert_with(|| value.to_owned());
                true
            }
            None => false,
        }
    }

    /// Takes all of `other` over what is here.
    pub(super) fn take_over(&mut self, other: Settings) {
        self.values.extend(other.values);
    }

    /// Adds the values of `other` that are not set here.
    pub(super) fn fill_from(&mut self, other: Settings) {
        for (key, value) in other.values {
            self.values.entry(key).or_insert(value);
        }
    }

    /// Fills what is not set: the environment first, libpq's defaults second.
    pub(super) fn fill(&mut self, env: &Environment) {
        for known in KNOWN {
            if self.values.contains_key(known.key) {
                continue;
            }
            if let Some(value) = known.var.and_then(|var| env.var(var)) {
                self.values.insert(known.key, value.to_owned());
                continue;
            }
            // Older than PGSSLMODE, and still heard by libpq.
            if known.key == "sslmode" && env.var("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
                self.values.insert(known.key, "require".to_owned());
                continue;
            }
            // libpq 16: the system's roots make sense with verify-full only, so that is the default then.
            if known.key == "sslmode" && self.root_is_system(env) {
                self.values.insert(known.key, "verify-full".to_owned());
                continue;
            }
            if let Some(default) = known.default {
                self.values.insert(known.key, default.to_owned());
            }
        }
    }

    fn root_is_system(&self, env: &Environment) -> bool {
        self.get("sslrootcert").or_else(|| env.var("PGSSLROOTCERT")) == Some("system")
    }

    /// A number as libpq reads one: blanks around it are fine, anything else is not.
    pub(super) fn integer(&self, key: &str) -> Result<Option<i32>> {
        match self.get(key) {
            None => Ok(None),
            Some(text) => integer(key, text).map(Some),
        }
    }
}

/// A number as libpq reads one.
pub(super) fn integer(key: &str, text: &str) -> Result<i32> {
    let trimmed = text.trim_matches(is_space);
    // strtol takes a plus sign, as does parse; neither takes a blank after the sign.
    trimmed.parse::<i32>().map_err(|_| {
        Error::usage(format!("invalid integer value \"{text}\" for connection option \"{key}\""))
    })
}

/// C's isspace in the C locale.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// Returns whether the value of this key, and anything that may be a piece of it, must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    matches!(
        key,
        "password" | "sslpassword" | "scram_client_key" | "scram_server_key" | "oauth_client_secret"
    )
}
