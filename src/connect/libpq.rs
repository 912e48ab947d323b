//! Hands a [`Target`] to programs that use libpq, through environment variables and a password file. Nothing is
//! passed as an argument, which other users could see in the process list, and the environment never holds a
//! password.

use super::target::{ChannelBinding, SessionAttrs, Target, TlsVersion};
use crate::error::{Error, Exit, Result};

impl SessionAttrs {
    const fn name(self) -> &'static str {
        match self {
            SessionAttrs::Any => "any",
            SessionAttrs::ReadWrite => "read-write",
            SessionAttrs::ReadOnly => "read-only",
            SessionAttrs::Primary => "primary",
            SessionAttrs::Standby => "standby",
            SessionAttrs::PreferStandby => "prefer-standby",
        }
    }
}

impl TlsVersion {
    const fn name(self) -> &'static str {
        match self {
            TlsVersion::V1 => "TLSv1",
            TlsVersion::V1_1 => "TLSv1.1",
            TlsVersion::V1_2 => "TLSv1.2",
            TlsVersion::V1_3 => "TLSv1.3",
        }
    }
}

impl Target {
    /// The environment variables that make a program with libpq of this major version connect to the same server and
    /// database in the same way. `options` are appended to the session's own options. Apart from `PATH` the program
    /// needs no other variables.
    ///
    /// Errors: a setting that has no variable, or that this version of libpq does not know (64).
    pub fn libpq_variables(&self, options: &str, major: u32) -> Result<Vec<(&'static str, String)>> {
        if self.ssh.is_some() {
            return Err(Error::usage("another program cannot use the connection through ssh")
                .hint("leave out --ssh and run pgkit where the server can be reached, or leave out what runs the program"));
        }
        if major < 16 && !self.require_auth.text().is_empty() {
            return Err(Error::usage(format!("libpq of PostgreSQL {major} does not know require_auth"))
                .hint("leave require_auth out"));
        }
        if self.tls.key_password.is_some() {
            return Err(Error::usage("cannot pass sslpassword to another program")
                .hint("use a key without a password, or connect in another way"));
        }
        let list =
            |each: &dyn Fn(&super::Host) -> String| self.hosts.iter().map(each).collect::<Vec<_>>().join(",");
        let options = match &self.options {
            Some(own) => format!("{own} {options}"),
            None => options.to_owned(),
        };
        let on = |yes: bool| if yes { "1" } else { "0" }.to_owned();
        let binding = match self.channel_binding {
            ChannelBinding::Disable => "disable",
            ChannelBinding::Prefer => "prefer",
            ChannelBinding::Require => "require",
        };
        let mut all = vec![
            ("PGHOST", list(&|host| host.name.clone())),
            ("PGPORT", list(&|host| host.port.to_string())),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGOPTIONS", options),
            ("PGSSLMODE", self.tls.mode.name().to_owned()),
            ("PGSSLSNI", on(self.tls.sni)),
            ("PGCHANNELBINDING", binding.to_owned()),
            ("PGTARGETSESSIONATTRS", self.session_attrs.name().to_owned()),
            // pgkit does not support GSSAPI encryption, so the program must not use it either.
            ("PGGSSENCMODE", "disable".to_owned()),
        ];
        if self.hosts.iter().any(|host| host.addr.is_some()) {
            all.push(("PGHOSTADDR", list(&|host| host.addr.clone().unwrap_or_default())));
        }
        if self.shuffle {
            all.push(("PGLOADBALANCEHOSTS", "random".to_owned()));
        }
        if !self.require_auth.text().is_empty() {
            all.push(("PGREQUIREAUTH", self.require_auth.text().to_owned()));
        }
        all.extend(self.require_peer.iter().map(|peer| ("PGREQUIREPEER", peer.clone())));
        if self.tls.direct {
            all.push(("PGSSLNEGOTIATION", "direct".to_owned()));
        }
        if !self.tls.send_cert {
            all.push(("PGSSLCERTMODE", "disable".to_owned()));
        }
        if let Some(limit) = self.connect_timeout {
            // libpq takes whole seconds, and treats 1 as 2.
            all.push(("PGCONNECT_TIMEOUT", limit.as_secs().max(2).to_string()));
        }
        for (name, value) in [
            ("PGSSLROOTCERT", &self.tls.root_cert),
            ("PGSSLCRL", &self.tls.crl),
            ("PGSSLCRLDIR", &self.tls.crl_dir),
            ("PGSSLCERT", &self.tls.cert),
            ("PGSSLKEY", &self.tls.key),
        ] {
            all.extend(value.as_ref().map(|value| (name, value.clone())));
        }
        for (name, value) in
            [("PGSSLMINPROTOCOLVERSION", self.tls.min), ("PGSSLMAXPROTOCOLVERSION", self.tls.max)]
        {
            all.extend(value.map(|value| (name, value.name().to_owned())));
        }
        // libpq looks for its default certificates and keys in ~/.postgresql.
        let home = self.tls.folder.as_ref().and_then(|folder| folder.parent());
        all.extend(home.map(|home| ("HOME", home.display().to_string())));
        Ok(all)
    }

    /// The contents of a password file for this target; `None` if it has no password.
    ///
    /// Errors: a password that a password file cannot contain (64).
    pub fn libpq_passfile(&self) -> Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        for host in &self.hosts {
            let Some(password) = self.password_for(host) else { continue };
            let password = password.expose();
            if password.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
                return Err(Error::new(Exit::Usage, "cannot pass on a password with a line feed"));
            }
            // A socket can be named in more than one way, so it is matched by `*`; so is a single host.
            let name = if self.hosts.len() == 1 || host.is_socket() { "*" } else { host.passfile_name() };
            text.extend(escaped(name.as_bytes(), name != "*"));
            text.extend(format!(":{}:*:*:", host.port).into_bytes());
            text.extend(escaped(password, true));
            text.push(b'\n');
        }
        Ok(if text.is_empty() { None } else { Some(text) })
    }
}

/// One field of a password file, with `:` and `\` escaped where `escape` is set.
fn escaped(field: &[u8], escape: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    for byte in field {
        if escape && matches!(byte, b':' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{Disk, Environment, Flags, resolve};

    fn target(dbname: &str) -> Target {
        let flags = Flags { dbname: Some(dbname.to_owned()), ..Flags::default() };
        resolve(&flags, &Environment::of([("HOME", "/home/me")], None, Some("me")), &Disk).unwrap()
    }

    #[test]
    fn the_way_to_a_server_stands_in_variables_and_its_password_in_none_of_them() {
        let target = target(
            "postgresql://u%20v:p%3Aw%5C@h1:5433,h2/d=b?sslmode=verify-full&sslrootcert=/ca&target_session_attrs=read-write\
             &connect_timeout=7&options=-cwork_mem%3D5MB&channel_binding=require&require_auth=scram-sha-256",
        );
        let all = target.libpq_variables("-c x=y", 17).unwrap();
        let value =
            |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        for (name, expected) in [
            ("PGHOST", "h1,h2"),
            ("PGPORT", "5433,5432"),
            ("PGUSER", "u v"),
            ("PGDATABASE", "d=b"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca"),
            ("PGTARGETSESSIONATTRS", "read-write"),
            ("PGCONNECT_TIMEOUT", "7"),
            ("PGOPTIONS", "-cwork_mem=5MB -c x=y"),
            ("PGCHANNELBINDING", "require"),
            ("PGREQUIREAUTH", "scram-sha-256"),
        ] {
            assert_eq!(value(name), Some(expected), "{name}");
        }
        assert!(all.iter().all(|(name, value)| *name != "PGPASSWORD" && !value.contains("p:w")), "{all:?}");
        let file = String::from_utf8(target.libpq_passfile().unwrap().unwrap()).unwrap();
        assert_eq!(file, "h1:5433:*:*:p\\:w\\\\\nh2:5432:*:*:p\\:w\\\\\n");
    }

    #[test]
    fn what_cannot_be_handed_on_is_refused() {
        let flags = Flags { ssh: Some("bastion".to_owned()), ..Flags::default() };
        let through = resolve(&flags, &Environment::of([("HOME", "/home/me")], None, Some("me")), &Disk);
        assert!(through.unwrap().libpq_variables("", 17).unwrap_err().message.contains("through ssh"));
        assert_eq!(target("postgresql://me@h/d").libpq_passfile().unwrap(), None);
        assert!(target("postgresql://me:a%0Ab@h/d").libpq_passfile().is_err());
        assert!(target("host=h sslpassword=x").libpq_variables("", 17).is_err());
        assert!(target("host=h require_auth=none").libpq_variables("", 15).is_err());
    }
}
