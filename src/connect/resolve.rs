//! Turns flags, service file, environment, password file and defaults into a target. A pure function.
//!
//! The order of precedence is libpq's: the keys of a connection string given with `-d`, then the flags (psql passes
//! them first, and libpq lets later ones win), then the service file, the environment and the defaults. The connection
//! string of a server in a list comes before the service file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::authentication::Allowed;
use super::conninfo;
use super::environment::Environment;
use super::files::Files;
use super::passfile::{Passfile, Secret};
use super::service;
use super::settings::{Settings, integer};
use super::ssh::Ssh;
use super::target::{
    ChannelBinding, Flags, Host, Keepalives, Prompt, SessionAttrs, SslMode, Target, Tls, TlsVersion,
};
use crate::error::{Error, Result};

/// The application_name of the session, unless the user sets one.
const APPLICATION_NAME: &str = "pgkit";
/// The socket directory of Debian's and Red Hat's packages.
const PACKAGED_SOCKETS: &str = "/var/run/postgresql";
/// The socket directory of an unmodified build of PostgreSQL.
const UPSTREAM_SOCKETS: &str = "/tmp";

/// Refuses a URL for another driver, which would otherwise be taken for the name of a database. It may contain a
/// password, so it is not shown.
///
/// Errors: it is such a URL (64).
fn refuse_other_urls(dbname: &str) -> Result<()> {
    let Some((scheme, _)) = dbname.split_once("://") else { return Ok(()) };
    // For example jdbc:postgresql or postgresql+psycopg2. Any other text is a name, as in libpq.
    let is_of_driver = scheme.starts_with("jdbc:") || scheme.starts_with("postgres");
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    if super::uri::is_uri(dbname) || !is_of_driver || !scheme.chars().all(is_scheme) {
        return Ok(());
    }
    Err(Error::usage(format!("invalid connection URL scheme \"{scheme}://\""))
        .hint("use postgresql://USER@HOST:PORT/DATABASE, without what the other driver adds"))
}

/// Finds where to connect, as whom and how, as psql with these flags would.
pub fn resolve(flags: &Flags, env: &Environment, files: &dyn Files) -> Result<Target> {
    let mut settings = Settings::default();
    // Unlike the other flags, an empty --service is not the same as none.
    if let Some(service) = &flags.service {
        settings.set("service", service.as_str());
    }
    for (key, flag) in [("host", &flags.host), ("port", &flags.port), ("user", &flags.username)] {
        if let Some(value) = flag.as_deref().filter(|value| !value.is_empty()) {
            settings.set(key, value);
        }
    }
    let mut password_in_conninfo = false;
    if let Some(dbname) = flags.dbname.as_deref().filter(|value| !value.is_empty()) {
        refuse_other_urls(dbname)?;
        if conninfo::is_connection_string(dbname) {
            let given = conninfo::parse_any(dbname)?;
            password_in_conninfo = given.nonempty("password").is_some();
            settings.take_over(given);
        } else {
            settings.set("dbname", dbname);
        }
    }
    if let Some(otherwise) = &flags.otherwise {
        settings.fill_from(conninfo::parse_any(otherwise)?);
    }
    service::fill(&mut settings, env, files)?;
    settings.fill(env);
    refuse_unsupported(&settings)?;

    let ssh = flags.ssh.as_deref().map(|named| Ssh::new(named, flags.no_password, env)).transpose()?;
    let socket_dir = default_socket_dir(files);
    // Which socket directory the libpq of another machine would use is not known here.
    let hosts = hosts(&settings, if ssh.is_some() { "localhost" } else { socket_dir })?;
    let require_peer = settings.nonempty("requirepeer").map(str::to_owned);
    if let Some(ssh) = &ssh {
        hosts.iter().try_for_each(|host| ssh.check(host))?;
        if require_peer.is_some() && hosts.iter().any(Host::is_socket) {
            return Err(Error::usage("requirepeer cannot be checked through ssh")
                .hint("leave out requirepeer or --ssh"));
        }
    }
    let user = match settings.nonempty("user") {
        Some(user) => user.to_owned(),
        None => env
            .user()
            .ok_or_else(|| Error::usage(format!("local user with ID {} does not exist", env.uid())))?
            .to_owned(),
    };
    let database = settings.nonempty("dbname").unwrap_or(&user).to_owned();
    let password = settings.nonempty("password").and_then(Secret::new);

    let mut warnings = Vec::new();
    let passfile = if password.is_some() {
        None
    } else {
        let named = settings.nonempty("passfile").map(PathBuf::from);
        named
            .or_else(|| env.home().map(|home| home.join(".pgpass")))
            .and_then(|path| Passfile::open(&path, socket_dir, files, &mut warnings))
    };

    let prompt = match (flags.no_password, flags.password) {
        (true, _) => Prompt::Never,
        // A password in a connection string takes precedence over one that is typed, so there is no point in asking.
        (false, true) if !password_in_conninfo => Prompt::First,
        _ => Prompt::WhenNeeded,
    };

    Ok(Target {
        hosts,
        user,
        database,
        options: options(&settings, env),
        application_name: match settings.get("application_name") {
            Some(name) => Some(name.to_owned()).filter(|name| !name.is_empty()),
            None => Some(APPLICATION_NAME.to_owned()),
        },
        tls: tls(&settings, env)?,
        channel_binding: channel_binding(&settings)?,
        require_auth: require_auth(&settings)?,
        require_peer,
        connect_timeout: connect_timeout(&settings)?,
        keepalives: keepalives(&settings)?,
        session_attrs: session_attrs(&settings)?,
        shuffle: match settings.get("load_balance_hosts") {
            None | Some("disable") => false,
            Some("random") => true,
            Some(other) => return Err(invalid("load_balance_hosts", other)),
        },
        ssh,
        prompt,
        warnings,
        password,
        passfile,
        password_command: flags.password_command.clone(),
        fetched: None,
    })
}

fn invalid(key: &str, value: &str) -> Error {
    Error::usage(format!("invalid {key} value: \"{value}\""))
}

/// libpq's default socket directory is compiled in. If a distribution's directory exists, then its libpq is the one
/// in use.
fn default_socket_dir(files: &dyn Files) -> &'static str {
    match files.stat(Path::new(PACKAGED_SOCKETS)) {
        Ok(stat) if stat.directory => PACKAGED_SOCKETS,
        _ => UPSTREAM_SOCKETS,
    }
}

/// Refuses settings that pgkit does not support, rather than ignoring them: whoever sets them relies on them.
fn refuse_unsupported(settings: &Settings) -> Result<()> {
    /// Keys, each with the values that request nothing and are therefore accepted.
    const UNSUPPORTED: &[(&str, &[&str])] = &[
        ("krbsrvname", &["postgres"]),
        ("gsslib", &["gssapi"]),
        ("gssdelegation", &["0"]),
        ("min_protocol_version", &["3.0"]),
        ("max_protocol_version", &["3.0", "latest"]),
        ("replication", &["false", "off", "no", "0"]),
        ("scram_client_key", &[]),
        ("scram_server_key", &[]),
        ("oauth_issuer", &[]),
        ("oauth_client_id", &[]),
        ("oauth_client_secret", &[]),
        ("oauth_scope", &[]),
        ("sslkeylogfile", &[]),
    ];
    let unsupported = |what: String| Err(Error::usage(format!("{what} is not supported by pgkit")));
    for (key, harmless) in UNSUPPORTED {
        if let Some(value) = settings.nonempty(key)
            && !harmless.contains(&value)
        {
            return unsupported((*key).to_owned());
        }
    }
    match settings.get("gssencmode") {
        None | Some("disable" | "prefer") => {}
        Some("require") => return unsupported("gssencmode=require".to_owned()),
        Some(other) => return Err(invalid("gssencmode", other)),
    }
    match settings.nonempty("sslcertmode") {
        None | Some("disable" | "allow") => Ok(()),
        Some("require") => unsupported("sslcertmode=require".to_owned()),
        Some(other) => Err(invalid("sslcertmode", other)),
    }
}

fn hosts(settings: &Settings, default: &str) -> Result<Vec<Host>> {
    let list = |key| settings.nonempty(key).map(|value| value.split(',').collect::<Vec<_>>());
    let (addrs, names, ports) = (list("hostaddr"), list("host"), list("port"));
    let count = addrs.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    if let (Some(names), Some(addrs)) = (&names, &addrs)
        && names.len() != addrs.len()
    {
        return Err(Error::usage(format!(
            "could not match {} host names to {} hostaddr values",
            names.len(),
            addrs.len()
        )));
    }
    // A single port applies to every host.
    if let Some(ports) = &ports
        && ports.len() != 1
        && ports.len() != count
    {
        return Err(Error::usage(format!("could not match {} port numbers to {count} hosts", ports.len())));
    }
    let at = |list: &Option<Vec<&str>>, index: usize| {
        list.as_ref()
            .and_then(|list| list.get(index).copied())
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    (0..count)
        .map(|index| {
            let addr = at(&addrs, index);
            let name = at(&names, index);
            let port = match &ports {
                Some(ports) if ports.len() == 1 => ports.first().copied().unwrap_or_default(),
                Some(ports) => ports.get(index).copied().unwrap_or_default(),
                None => "",
            };
            Ok(Host {
                name: match (&addr, name) {
                    (_, Some(name)) => name,
                    (Some(_), None) => String::new(),
                    (None, None) => default.to_owned(),
                },
                addr,
                port: self::port(port)?,
            })
        })
        .collect()
}

fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(5432);
    }
    match u16::try_from(integer("port", text)?) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Error::usage(format!("invalid port number: \"{text}\""))),
    }
}

/// The value of `options`, followed by the settings that libpq takes from variables such as PGTZ.
fn options(settings: &Settings, env: &Environment) -> Option<String> {
    let mut options = settings.get("options").unwrap_or_default().to_owned();
    for (var, setting) in [("PGDATESTYLE", "datestyle"), ("PGTZ", "timezone"), ("PGGEQO", "geqo")] {
        // libpq takes "default" to mean that the setting is not sent.
        let Some(value) = env.var(var).filter(|value| !value.eq_ignore_ascii_case("default")) else {
            continue;
        };
        if !options.is_empty() {
            options.push(' ');
        }
        options.push_str("-c ");
        options.push_str(setting);
        options.push('=');
        for c in value.chars() {
            // The backend splits the options at whitespace, unless it is escaped.
            if c.is_ascii_whitespace() || c == '\\' {
                options.push('\\');
            }
            options.push(c);
        }
    }
    Some(options).filter(|options| !options.is_empty())
}

fn tls(settings: &Settings, env: &Environment) -> Result<Tls> {
    let text = |key| settings.nonempty(key).map(str::to_owned);
    let mode = settings.get("sslmode").unwrap_or("prefer");
    let mode = SslMode::parse(mode).ok_or_else(|| invalid("sslmode", mode))?;
    let root_cert = text("sslrootcert");
    if root_cert.as_deref() == Some("system") && mode != SslMode::VerifyFull {
        return Err(Error::usage(format!(
            "weak sslmode \"{}\" may not be used with sslrootcert=system (use \"verify-full\")",
            mode.name()
        )));
    }
    let direct = match settings.nonempty("sslnegotiation") {
        None | Some("postgres") => false,
        Some("direct") if mode < SslMode::Require => {
            return Err(Error::usage(format!(
                "weak sslmode \"{}\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")",
                mode.name()
            )));
        }
        Some("direct") => true,
        Some(other) => return Err(invalid("sslnegotiation", other)),
    };
    let version = |key| match settings.nonempty(key) {
        None => Ok(None),
        Some(name) => match name.to_ascii_lowercase().as_str() {
            "tlsv1" => Ok(Some(TlsVersion::V1)),
            "tlsv1.1" => Ok(Some(TlsVersion::V1_1)),
            "tlsv1.2" => Ok(Some(TlsVersion::V1_2)),
            "tlsv1.3" => Ok(Some(TlsVersion::V1_3)),
            _ => Err(invalid(key, name)),
        },
    };
    let (min, max) = (version("ssl_min_protocol_version")?, version("ssl_max_protocol_version")?);
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        return Err(Error::usage("invalid SSL protocol version range"));
    }
    Ok(Tls {
        mode,
        root_cert,
        cert: text("sslcert"),
        key: text("sslkey"),
        key_password: settings.nonempty("sslpassword").and_then(Secret::new),
        send_cert: settings.get("sslcertmode") != Some("disable"),
        min,
        max,
        sni: settings.get("sslsni").is_some_and(|value| value.starts_with('1')),
        direct,
        crl: text("sslcrl"),
        crl_dir: text("sslcrldir"),
        folder: env.home().map(|home| home.join(".postgresql")),
    })
}

fn require_auth(settings: &Settings) -> Result<Allowed> {
    let text = settings.nonempty("require_auth").unwrap_or_default();
    Allowed::parse(text).map_err(|why| Error::usage(format!("invalid require_auth value: {why}")))
}

fn channel_binding(settings: &Settings) -> Result<ChannelBinding> {
    Ok(match settings.get("channel_binding").unwrap_or("prefer") {
        "disable" => ChannelBinding::Disable,
        "prefer" => ChannelBinding::Prefer,
        "require" => ChannelBinding::Require,
        other => return Err(invalid("channel_binding", other)),
    })
}

fn session_attrs(settings: &Settings) -> Result<SessionAttrs> {
    Ok(match settings.get("target_session_attrs").unwrap_or("any") {
        "any" => SessionAttrs::Any,
        "read-write" => SessionAttrs::ReadWrite,
        "read-only" => SessionAttrs::ReadOnly,
        "primary" => SessionAttrs::Primary,
        "standby" => SessionAttrs::Standby,
        "prefer-standby" => SessionAttrs::PreferStandby,
        other => return Err(invalid("target_session_attrs", other)),
    })
}

fn connect_timeout(settings: &Settings) -> Result<Option<Duration>> {
    let seconds = settings.integer("connect_timeout")?.unwrap_or(0);
    // libpq rounds 1 up to 2, because it counts in whole seconds, and the first may be nearly over at the start.
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|&seconds| seconds > 0)
        .map(|seconds| Duration::from_secs(seconds.max(2))))
}

fn keepalives(settings: &Settings) -> Result<Keepalives> {
    // Zero and negative values mean the system's default.
    let number = |key| {
        let number = settings.integer(key)?.and_then(|number| u32::try_from(number).ok());
        Ok::<_, Error>(number.filter(|&number| number > 0))
    };
    Ok(Keepalives {
        on: match settings.get("keepalives") {
            None => true,
            Some(_) => settings
                .integer("keepalives")
                .map_err(|_| Error::usage("keepalives parameter must be an integer"))?
                .is_none_or(|value| value != 0),
        },
        idle: number("keepalives_idle")?,
        interval: number("keepalives_interval")?,
        count: number("keepalives_count")?,
        user_timeout: number("tcp_user_timeout")?,
    })
}
