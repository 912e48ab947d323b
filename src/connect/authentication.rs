//! `require_auth`: which kinds of authentication the server may ask for. It is checked before the server gets an
//! answer.

use serde::{Deserialize, Serialize};

/// A way to authenticate, by libpq's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    Password,
    Md5,
    Gss,
    Sspi,
    Scram,
    Oauth,
    None,
}

const METHODS: [(&str, Method); 7] = [
    ("password", Method::Password),
    ("md5", Method::Md5),
    ("gss", Method::Gss),
    ("sspi", Method::Sspi),
    ("scram-sha-256", Method::Scram),
    ("oauth", Method::Oauth),
    ("none", Method::None),
];

/// The value of `require_auth`; by default everything is allowed. Source of the rules: PostgreSQL's manual, "Database
/// Connection Control Functions".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    text: String,
    methods: Vec<Method>,
    /// The methods are those that are not allowed.
    negated: bool,
}

impl Allowed {
    /// As it was given; empty where everything is allowed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reads a list. The error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Allowed, String> {
        let mut allowed = Allowed { text: text.to_owned(), methods: Vec::new(), negated: false };
        if text.is_empty() {
            return Ok(allowed);
        }
        for (i, part) in text.split(',').enumerate() {
            let part = part.trim();
            let (negated, name) = part.strip_prefix('!').map_or((false, part), |name| (true, name));
            if i > 0 && negated != allowed.negated {
                return Err(format!(
                    "\"{part}\" cannot be mixed with {}",
                    match negated {
                        true => "methods that are not negated",
                        false => "negated methods",
                    }
                ));
            }
            allowed.negated = negated;
            let Some((_, method)) = METHODS.iter().find(|(known, _)| *known == name) else {
                return Err(format!("invalid method \"{name}\""));
            };
            if allowed.methods.contains(method) {
                return Err(format!("method \"{name}\" is specified more than once"));
            }
            allowed.methods.push(*method);
        }
        Ok(allowed)
    }

    fn allows(&self, method: Method) -> bool {
        self.methods.is_empty() || self.methods.contains(&method) != self.negated
    }

    /// Checks a request of the server: `method` is its number, or `None` where the server says that authentication
    /// is complete; `before` is the last method that it asked for. The error is a sentence.
    pub(super) fn check(&self, method: Option<i32>, before: Option<i32>) -> Result<(), String> {
        let (asked, what) = match method {
            None if before.is_some() => return Ok(()),
            None => (Method::None, "did not ask for authentication"),
            Some(3) => (Method::Password, "requested a cleartext password"),
            Some(5) => (Method::Md5, "requested a hashed password"),
            Some(7 | 8) => (Method::Gss, "requested GSSAPI authentication"),
            Some(9) => (Method::Sspi, "requested SSPI authentication"),
            Some(10) => (Method::Scram, "requested SASL authentication"),
            // They continue an authentication that was allowed.
            Some(11 | 12) if before == Some(10) => return Ok(()),
            Some(_) if self.methods.is_empty() => return Ok(()),
            Some(_) => {
                return Err(self.failed("requested an unknown kind of authentication"));
            }
        };
        if self.allows(asked) { Ok(()) } else { Err(self.failed(what)) }
    }

    fn failed(&self, what: &str) -> String {
        format!("authentication method requirement \"{}\" failed: server {what}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_what_is_allowed_and_for_nothing_else() {
        // Whether each is allowed: no authentication, cleartext, MD5, GSSAPI, SSPI, SCRAM.
        for (text, may) in [
            ("", [true; 6]),
            ("scram-sha-256", [false, false, false, false, false, true]),
            ("scram-sha-256,none", [true, false, false, false, false, true]),
            ("md5, scram-sha-256", [false, false, true, false, false, true]),
            ("!password", [true, false, true, true, true, true]),
            ("!password,!md5,!none", [false, false, false, true, true, true]),
            ("none", [true, false, false, false, false, false]),
        ] {
            let allowed = Allowed::parse(text).unwrap();
            for (method, may) in [None, Some(3), Some(5), Some(7), Some(9), Some(10)].into_iter().zip(may) {
                assert_eq!(allowed.check(method, None).is_ok(), may, "{text} {method:?}");
            }
            // After an authentication the server may say that it is complete.
            assert!(allowed.check(None, Some(10)).is_ok());
        }
        assert!(Allowed::parse("!md5,password").is_err());
        assert!(Allowed::parse("md5,md5").is_err());
        assert!(Allowed::parse("pasword").is_err());
        assert!(Allowed::parse("md5,").is_err());
    }
}
