//! What flags, service file, environment, password file and defaults come to: the same as with libpq.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pgkit::connect::{Disk, Environment, Files, Flags, Stat, Target, TlsVersion, environment, resolve};
use pgkit::error::Exit;

use super::oracle;

/// One way of saying where to connect.
#[derive(Default, Clone)]
struct Case {
    name: &'static str,
    host: Option<&'static str>,
    port: Option<&'static str>,
    user: Option<&'static str>,
    dbname: Option<&'static str>,
    env: &'static [(&'static str, &'static str)],
    /// Files under HOME, which stands for `~` in variables and values: name, content, mode.
    files: &'static [(&'static str, &'static str, u32)],
    /// Both refuse, and each says all of these words.
    refused: Option<&'static [&'static str]>,
}

const NONE: &[(&str, &str)] = &[];

fn d(name: &'static str, dbname: &'static str) -> Case {
    Case { name, dbname: Some(dbname), ..Case::default() }
}

fn e(name: &'static str, env: &'static [(&'static str, &'static str)]) -> Case {
    Case { name, env, ..Case::default() }
}

impl Case {
    fn env(self, env: &'static [(&'static str, &'static str)]) -> Case {
        Case { env, ..self }
    }
    fn h(self, host: &'static str) -> Case {
        Case { host: Some(host), ..self }
    }
    fn p(self, port: &'static str) -> Case {
        Case { port: Some(port), ..self }
    }
    fn u(self, user: &'static str) -> Case {
        Case { user: Some(user), ..self }
    }
    fn d(self, dbname: &'static str) -> Case {
        Case { dbname: Some(dbname), ..self }
    }
    fn files(self, files: &'static [(&'static str, &'static str, u32)]) -> Case {
        Case { files, ..self }
    }
    fn refused(self, words: &'static [&'static str]) -> Case {
        Case { refused: Some(words), ..self }
    }
}

const PASS: &[(&str, &str, u32)] = &[(
    ".pgpass",
    "# a comment:*:*:*:no\n127.0.0.1:5432:db:me:tcp\nlocalhost:*:db:me:local\n/nowhere:5432:*:*:nowhere\n\
     /nowhere/b:6000:*:*:second\n*:*:*:esc\\:user:a\\:b\\\\c\n*:*:empty:*:\n*:7777:*:*:by-port\n",
    0o600,
)];
const SERVICE: &[(&str, &str, u32)] = &[(
    ".pg_service.conf",
    "# a comment\n\n[other]\nhost=/other\n[svc]\nhost=/nowhere/service\nport=6543\nuser=svcuser\ndbname=svcdb\n\
     password=svcpass\napplication_name=from service\nport=1111\nsslmode=disable\n[blank]\nhost = /x\n\
     [bad]\nnonsense\n[nested]\nservice=svc\n[unknown]\nhots=/x\n[spaced]\n   user=lead  \noptions= -c geqo=off\n\
     [svc]\nhost=/never\n",
    0o644,
)];

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    vec![
        // Defaults.
        e("nothing at all", NONE),
        e("a host alone", NONE).h("/nowhere"),
        e("a user alone names the database", NONE).u("someone"),
        e("a name as -d", NONE).d("db"),
        e("an empty -d", NONE).d("").env(&[("PGDATABASE", "fromenv")]),
        e("an empty -h", NONE).h("").env(&[("PGHOST", "/nowhere")]),
        e("an abstract socket", NONE).h("@nowhere"),
        // The environment.
        e("every variable", &[("PGHOST", "/nowhere"), ("PGPORT", "6000"), ("PGUSER", "u"), ("PGDATABASE", "d"), ("PGPASSWORD", "secret"), ("PGOPTIONS", "-c geqo=off"), ("PGAPPNAME", "app"), ("PGSSLMODE", "require"), ("PGCONNECT_TIMEOUT", "7"), ("PGTARGETSESSIONATTRS", "primary"), ("PGCHANNELBINDING", "disable"), ("PGSSLROOTCERT", "/r"), ("PGSSLCERT", "/c"), ("PGSSLKEY", "/k"), ("PGSSLSNI", "0"), ("PGSSLMINPROTOCOLVERSION", "TLSv1.1"), ("PGSSLMAXPROTOCOLVERSION", "tlsv1.3"), ("PGCLIENTENCODING", "LATIN1"), ("PGGSSENCMODE", "disable")]),
        e("empty variables are the defaults", &[("PGHOST", ""), ("PGPORT", ""), ("PGUSER", ""), ("PGDATABASE", ""), ("PGPASSWORD", ""), ("PGAPPNAME", ""), ("PGOPTIONS", ""), ("PGSSLROOTCERT", "")]),
        e("a host address alone", &[("PGHOSTADDR", "127.0.0.1")]),
        e("a host address with a name", &[("PGHOSTADDR", "127.0.0.1"), ("PGHOST", "db.example")]),
        e("an old way to require TLS", &[("PGREQUIRESSL", "1"), ("PGHOST", "/nowhere")]),
        e("PGSSLMODE beats the old way", &[("PGREQUIRESSL", "1"), ("PGSSLMODE", "allow"), ("PGHOST", "/nowhere")]),
        e("blanks round a number", &[("PGPORT", " 6000 "), ("PGHOST", "/nowhere")]),
        // Precedence.
        e("a flag beats the environment", &[("PGHOST", "/env"), ("PGPORT", "1"), ("PGUSER", "env"), ("PGDATABASE", "env")]).h("/flag").p("2").u("flag").d("flag"),
        d("conninfo beats the flags", "host=/conninfo port=3 user=conninfo dbname=conninfo").h("/flag").p("2").u("flag"),
        d("conninfo beats the environment", "host=/conninfo port=3 application_name=x").env(&[("PGHOST", "/env"), ("PGPORT", "1"), ("PGAPPNAME", "env")]),
        d("flags fill what conninfo leaves", "dbname=x").h("/flag").p("2").u("flag"),
        d("an empty value in conninfo hides the variable", "host='' user= port='' application_name=''").env(&[("PGHOST", "/env"), ("PGUSER", "env"), ("PGPORT", "1"), ("PGAPPNAME", "env")]),
        d("conninfo beats the service file", "service=svc host=/mine").files(SERVICE),
        e("a service named by a variable", &[("PGSERVICE", "svc")]).files(SERVICE),
        e("a service beats the environment", &[("PGSERVICE", "svc"), ("PGHOST", "/env"), ("PGPORT", "1"), ("PGUSER", "env"), ("PGPASSWORD", "env"), ("PGAPPNAME", "env")]).files(SERVICE),
        e("a flag beats the service", &[("PGSERVICE", "svc")]).h("/flag").u("flag").files(SERVICE),
        d("a service in conninfo beats PGSERVICE", "service=spaced host=/nowhere").env(&[("PGSERVICE", "svc")]).files(SERVICE),
        d("a service in a URI", "postgresql:///?service=svc").files(SERVICE),
        e("a service file named by a variable", &[("PGSERVICE", "svc"), ("PGSERVICEFILE", "~/elsewhere")]).files(&[("elsewhere", "[svc]\nhost=/elsewhere\n", 0o644)]),
        e("the system's service file", &[("PGSERVICE", "svc"), ("PGSYSCONFDIR", "~/sys")]).files(&[("sys/pg_service.conf", "[svc]\nhost=/system\n", 0o644)]),
        e("the system's service file comes after the user's", &[("PGSERVICE", "both"), ("PGSYSCONFDIR", "~/sys")]).files(&[(".pg_service.conf", "[mine]\nhost=/mine\n", 0o644), ("sys/pg_service.conf", "[both]\nhost=/system\n", 0o644)]),
        e("a service file without a last newline", &[("PGSERVICE", "svc")]).files(&[(".pg_service.conf", "[svc]\r\nhost=/crlf", 0o644)]),
        // Service files that do not work.
        e("a service that is nowhere", &[("PGSERVICE", "missing")]).files(SERVICE).refused(&["definition of service \"missing\" not found"]),
        e("an empty service", &[("PGSERVICE", "")]).files(SERVICE).refused(&["definition of service \"\" not found"]),
        e("no service file", &[("PGSERVICE", "svc")]).refused(&["definition of service \"svc\" not found"]),
        e("a named service file that is missing", &[("PGSERVICE", "svc"), ("PGSERVICEFILE", "~/gone")]).refused(&["service file", "not found"]),
        e("blanks round = in a service file", &[("PGSERVICE", "blank")]).files(SERVICE).refused(&["syntax error in service file", "line 15"]),
        e("no = in a service file", &[("PGSERVICE", "bad")]).files(SERVICE).refused(&["syntax error in service file", "line 17"]),
        e("a service in a service", &[("PGSERVICE", "nested")]).files(SERVICE).refused(&["nested service specifications not supported in service file", "line 19"]),
        e("an unknown key in a service file", &[("PGSERVICE", "unknown")]).files(SERVICE).refused(&["syntax error in service file", "line 21"]),
        // conninfo.
        d("quotes and backslashes", r"host = '/no where' user=a\ b dbname='it\'s \\' password = 'p w'"),
        d("a value that ends at a quote", "user='a'dbname=b host=/nowhere"),
        d("a key given twice", "user=a user=b host=/nowhere"),
        d("a conninfo with a sign of equality only in the value", "dbname='a=b' host=/nowhere"),
        d("keepalives and timeouts", "host=/nowhere keepalives=0 keepalives_idle=5 keepalives_interval=6 keepalives_count=7 tcp_user_timeout=8 connect_timeout=-1"),
        d("the old spelling", "requiressl=1 host=/nowhere"),
        d("no = after a key", "host=/nowhere user").refused(&["missing \"=\" after \"user\" in connection info string"]),
        d("no value between keys", "host /nowhere user=x").refused(&["missing \"=\" after \"host\""]),
        d("an open quote", "host='/nowhere").refused(&["unterminated quoted string in connection info string"]),
        d("an unknown key", "hots=/nowhere").refused(&["invalid connection option \"hots\""]),
        d("an upper-case key", "HOST=/nowhere").refused(&["invalid connection option \"HOST\""]),
        d("a bad sslmode", "host=/nowhere sslmode=full").refused(&["invalid sslmode value: \"full\""]),
        e("an empty sslmode", &[("PGSSLMODE", ""), ("PGHOST", "/nowhere")]).refused(&["invalid sslmode value: \"\""]),
        d("a bad target_session_attrs", "host=/nowhere target_session_attrs=master").refused(&["invalid target_session_attrs value: \"master\""]),
        d("a bad channel_binding", "host=/nowhere channel_binding=maybe").refused(&["invalid channel_binding value: \"maybe\""]),
        d("a bad gssencmode", "host=/nowhere gssencmode=maybe").refused(&["invalid gssencmode value: \"maybe\""]),
        d("a bad TLS version", "host=/nowhere ssl_min_protocol_version=SSLv3").refused(&["ssl_min_protocol_version", "value: \"SSLv3\""]),
        d("TLS versions the wrong way round", "host=/nowhere ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2").refused(&["invalid SSL protocol version range"]),
        d("a bad port", "host=/nowhere port=54x").refused(&["invalid integer value \"54x\" for connection option \"port\""]),
        e("port 0", NONE).h("/nowhere").p("0").refused(&["invalid port number: \"0\""]),
        e("port 65536", NONE).h("/nowhere").p("65536").refused(&["invalid port number: \"65536\""]),
        d("a bad timeout", "host=127.0.0.1 port=1 connect_timeout=soon").refused(&["invalid integer value \"soon\" for connection option \"connect_timeout\""]),
        e("an empty timeout", &[("PGCONNECT_TIMEOUT", ""), ("PGHOST", "127.0.0.1"), ("PGPORT", "1")]).refused(&["invalid integer value \"\" for connection option \"connect_timeout\""]),
        d("a timeout of many digits", "host=127.0.0.1 port=1 connect_timeout=99999999999").refused(&["invalid integer value"]),
        // URIs.
        d("a URI of nothing", "postgresql://").env(&[("PGDATABASE", "env"), ("PGHOST", "/nowhere")]),
        d("a whole URI", "postgresql://us%65r:p%40ss@127.0.0.1:6000/d%20b?application_name=x%20y&connect_timeout=3"),
        d("the other scheme", "postgres://me@127.0.0.1/db"),
        d("a URI with a socket", "postgresql://%2Fnowhere/db"),
        d("a URI with a socket as parameter", "postgresql:///db?host=/nowhere&port=6000"),
        d("a URI with IPv6", "postgresql://[::1]:6000/db"),
        d("a URI with several hosts", "postgresql://127.0.0.1:1,127.0.0.2:2,[::1]/db?target_session_attrs=any"),
        d("a URI with ports for some", "postgresql://127.0.0.1,127.0.0.2:2/db"),
        d("a URI with an empty host", "postgresql://me@/db").env(&[("PGHOST", "/nowhere")]),
        d("a URI with only a port", "postgresql://:6000/db").env(&[("PGHOST", "/nowhere")]),
        d("a URI with an empty user", "postgresql://:pw@%2Fnowhere/db").env(&[("PGUSER", "env")]),
        d("a URI without a path but a query", "postgresql://127.0.0.1?user=q&dbname=r"),
        d("a URI as JDBC writes it", "postgresql://%2Fnowhere/?ssl=true"),
        d("a URI with a last &", "postgresql://%2Fnowhere/?user=x&"),
        d("a URI parameter over the host", "postgresql://127.0.0.1/db?host=/nowhere"),
        d("a slash in a URI's database", "postgresql://%2Fnowhere/a/b"),
        d("a URI with an unknown parameter", "postgresql://127.0.0.1/?hots=1").refused(&["invalid URI query parameter: \"hots\""]),
        d("a URI parameter without =", "postgresql://127.0.0.1/?user").refused(&["missing key/value separator \"=\" in URI query parameter: \"user\""]),
        d("a URI with a lone &", "postgresql://127.0.0.1/?&").refused(&["missing key/value separator"]),
        d("a URI parameter with two =", "postgresql://127.0.0.1/?user=a=b").refused(&["extra key/value separator \"=\" in URI query parameter: \"user\""]),
        d("a URI with a bad escape", "postgresql://127.0.0.1/%zz").refused(&["invalid percent-encoded token: \"%zz\""]),
        d("a URI with a short escape", "postgresql://127.0.0.1/a%4").refused(&["invalid percent-encoded token: \"a%4\""]),
        d("a URI with a zero byte", "postgresql://127.0.0.1/a%00").refused(&["forbidden value %00 in percent-encoded value: \"a%00\""]),
        d("a URI with an open bracket", "postgresql://[::1/db").refused(&["end of string reached when looking for matching \"]\" in IPv6 host address in URI"]),
        d("a URI with empty brackets", "postgresql://[]/db").refused(&["IPv6 host address may not be empty in URI"]),
        d("a URI with rubbish after the bracket", "postgresql://[::1]x/db").refused(&["unexpected character \"x\" at position 19 in URI (expected \":\" or \"/\")"]),
        d("another scheme is a database's name", "mysql://h").h("/nowhere"),
        // Several hosts.
        e("several hosts, one port", NONE).h("/nowhere/a,/nowhere/b").p("6000"),
        e("several hosts, several ports", NONE).h("/nowhere/a,/nowhere/b,127.0.0.1").p("1,,3"),
        e("an empty host among several", NONE).h("/nowhere/a,,/nowhere/b"),
        d("several addresses with names", "host=a,b hostaddr=127.0.0.1,127.0.0.2 port=1,2"),
        d("several addresses, one empty", "host=/nowhere,127.0.0.1 hostaddr=,127.0.0.2"),
        e("too few ports", NONE).h("/a,/b,/c").p("1,2").refused(&["could not match 2 port numbers to 3 hosts"]),
        e("too many ports", NONE).h("/a,/b").p("1,2,3").refused(&["could not match 3 port numbers to 2 hosts"]),
        d("too few addresses", "host=/a,/b hostaddr=127.0.0.1").refused(&["could not match 2 host names to 1 hostaddr values"]),
        d("too many addresses", "host=/a hostaddr=127.0.0.1,127.0.0.2").refused(&["could not match 1 host names to 2 hostaddr values"]),
        // The password file.
        e("a password by address", NONE).h("127.0.0.1").u("me").d("db").files(PASS),
        e("localhost is the default socket", NONE).u("me").d("db").files(PASS),
        e("localhost is no other socket", NONE).h("/nowhere").u("me").d("db").files(PASS),
        e("a password by host address", &[("PGHOSTADDR", "127.0.0.1")]).u("me").d("db").files(PASS),
        e("a password by name, not by address", &[("PGHOSTADDR", "127.0.0.1"), ("PGHOST", "name")]).u("me").d("db").files(PASS),
        e("each host has its password", NONE).h("/nowhere,/nowhere/b").p("5432,6000").u("me").d("db").files(PASS),
        e("escapes in a password file", NONE).h("/x").u("esc:user").d("db").files(PASS),
        e("an empty password ends the search", NONE).h("/x").p("7777").d("empty").files(PASS),
        e("a password by port", NONE).h("/x").p("7777").d("other").files(PASS),
        e("PGPASSWORD beats the password file", &[("PGPASSWORD", "env")]).u("me").d("db").files(PASS),
        e("an empty PGPASSWORD does not", &[("PGPASSWORD", "")]).u("me").d("db").files(PASS),
        d("a password in conninfo beats PGPASSWORD", "password=mine host=/nowhere").env(&[("PGPASSWORD", "env")]).files(PASS),
        e("another password file", &[("PGPASSFILE", "~/mine"), ("PGHOST", "/nowhere")]).files(&[(".pgpass", "*:*:*:*:no\n", 0o600), ("mine", "*:*:*:*:yes\r\n", 0o400)]),
        d("another password file by key", "passfile=~/mine host=/nowhere").files(&[("mine", "*:*:*:*:yes", 0o600)]),
        e("a password file that is missing", &[("PGPASSFILE", "~/gone"), ("PGHOST", "/nowhere")]),
        e("a password file that others may read", NONE).h("/nowhere").files(&[(".pgpass", "*:*:*:*:no\n", 0o644)]),
        e("a password file that the group may read", NONE).h("/nowhere").files(&[(".pgpass", "*:*:*:*:no\n", 0o640)]),
        e("a password file that is a folder", &[("PGPASSFILE", "~/folder"), ("PGHOST", "/nowhere")]).files(&[("folder/x", "", 0o600)]),
    ]
}

/// A folder as HOME, the variables and flags with `~` replaced by it, and libpq's answer.
struct Prepared {
    _home: tempfile::TempDir,
    env: Vec<(String, String)>,
    environment: Environment,
    flags: Flags,
}

fn prepare(case: &Case) -> Prepared {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap().to_owned();
    for (name, content, mode) in case.files {
        let file = home.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(*mode)).unwrap();
    }
    let put = |text: &str| text.replace('~', &path);
    let mut env: Vec<(String, String)> =
        case.env.iter().map(|(name, value)| ((*name).to_owned(), put(value))).collect();
    env.push(("HOME".to_owned(), path.clone()));
    let environment = Environment::of(env.clone(), Some(home.path()), environment().user());
    let flags = Flags {
        host: case.host.map(str::to_owned),
        port: case.port.map(str::to_owned),
        username: case.user.map(str::to_owned),
        dbname: case.dbname.map(put),
        ..Flags::default()
    };
    Prepared { _home: home, env, environment, flags }
}

/// The disk, on a machine whose servers' packages agree with this libpq about the directory of sockets.
struct Machine {
    socket_dir: String,
}

impl Machine {
    /// Asks libpq for the directory it was built with.
    fn of_libpq() -> Machine {
        let answer = oracle::ask(&oracle::psql_params(None, None, None, None), &[], false);
        Machine { socket_dir: answer.host }
    }
}

impl Files for Machine {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        if path == Path::new("/var/run/postgresql") {
            return if path == Path::new(&self.socket_dir) {
                Ok(Stat { regular: false, directory: true, mode: 0o755, uid: 0 })
            } else {
                Err(io::ErrorKind::NotFound.into())
            };
        }
        Disk.stat(path)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }
}

/// What both must agree on.
fn of_libpq(answer: &oracle::Answer, socket_dir: &str) -> BTreeMap<&'static str, String> {
    let get = |key: &str| answer.settings.get(key).cloned().unwrap_or_default();
    let list = |key: &str| {
        let text = get(key);
        if text.is_empty() { Vec::new() } else { text.split(',').map(str::to_owned).collect() }
    };
    let (hosts, addrs, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = if addrs.is_empty() { hosts.len().max(1) } else { addrs.len() };
    let at = |list: &[String], index: usize| list.get(index).cloned().unwrap_or_default();
    let places: Vec<String> = (0..count)
        .map(|index| {
            let (mut host, addr) = (at(&hosts, index), at(&addrs, index));
            if host.is_empty() && addr.is_empty() {
                host = socket_dir.to_owned();
            }
            let port = if ports.len() == 1 { at(&ports, 0) } else { at(&ports, index) };
            let port = if port.is_empty() { "5432" } else { port.trim() };
            format!("{host}|{addr}|{port}")
        })
        .collect();
    let application = answer.settings.get("application_name").cloned();
    BTreeMap::from([
        ("places", places.join(" ")),
        ("user", answer.user.clone()),
        ("database", answer.database.clone()),
        ("options", get("options")),
        ("application_name", application.unwrap_or_else(|| get("fallback_application_name"))),
        ("sslmode", get("sslmode")),
        ("sslrootcert", get("sslrootcert")),
        ("sslcert", get("sslcert")),
        ("sslkey", get("sslkey")),
        ("sslsni", get("sslsni")),
        ("ssl_min", get("ssl_min_protocol_version").to_lowercase()),
        ("ssl_max", get("ssl_max_protocol_version").to_lowercase()),
        ("channel_binding", get("channel_binding")),
        ("target_session_attrs", get("target_session_attrs")),
        ("connect_timeout", positive(&get("connect_timeout"))),
        ("keepalives", (get("keepalives") != "0").to_string()),
        ("keepalives_idle", positive(&get("keepalives_idle"))),
        ("keepalives_interval", positive(&get("keepalives_interval"))),
        ("keepalives_count", positive(&get("keepalives_count"))),
        ("tcp_user_timeout", positive(&get("tcp_user_timeout"))),
    ])
}

fn positive(text: &str) -> String {
    text.trim().parse::<i64>().ok().filter(|number| *number > 0).map(|n| n.to_string()).unwrap_or_default()
}

fn of_ours(target: &Target) -> BTreeMap<&'static str, String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u32>| value.map(|number| number.to_string()).unwrap_or_default();
    let version = |value: Option<TlsVersion>| {
        match value {
            None => "",
            Some(TlsVersion::V1) => "tlsv1",
            Some(TlsVersion::V1_1) => "tlsv1.1",
            Some(TlsVersion::V1_2) => "tlsv1.2",
            Some(TlsVersion::V1_3) => "tlsv1.3",
        }
        .to_owned()
    };
    let places: Vec<String> = target
        .hosts
        .iter()
        .map(|host| format!("{}|{}|{}", host.name, host.addr.clone().unwrap_or_default(), host.port))
        .collect();
    let kebab = |name: String| match name.as_str() {
        "ReadWrite" => "read-write".to_owned(),
        "ReadOnly" => "read-only".to_owned(),
        "PreferStandby" => "prefer-standby".to_owned(),
        other => other.to_lowercase(),
    };
    BTreeMap::from([
        ("places", places.join(" ")),
        ("user", target.user.clone()),
        ("database", target.database.clone()),
        ("options", text(&target.options)),
        ("application_name", text(&target.application_name)),
        ("sslmode", target.tls.mode.name().to_owned()),
        ("sslrootcert", text(&target.tls.root_cert)),
        ("sslcert", text(&target.tls.cert)),
        ("sslkey", text(&target.tls.key)),
        ("sslsni", if target.tls.sni { "1" } else { "0" }.to_owned()),
        ("ssl_min", version(target.tls.min)),
        ("ssl_max", version(target.tls.max)),
        ("channel_binding", format!("{:?}", target.channel_binding).to_lowercase()),
        ("target_session_attrs", kebab(format!("{:?}", target.session_attrs))),
        (
            "connect_timeout",
            target.connect_timeout.map(|time| time.as_secs().to_string()).unwrap_or_default(),
        ),
        ("keepalives", target.keepalives.on.to_string()),
        ("keepalives_idle", number(target.keepalives.idle)),
        ("keepalives_interval", number(target.keepalives.interval)),
        ("keepalives_count", number(target.keepalives.count)),
        ("tcp_user_timeout", number(target.keepalives.user_timeout)),
    ])
}

fn disagreement(case: &Case, machine: &Machine) -> Option<String> {
    let prepared = prepare(case);
    let flags = &prepared.flags;
    let params = oracle::psql_params(
        flags.host.as_deref(),
        flags.port.as_deref(),
        flags.username.as_deref(),
        flags.dbname.as_deref(),
    );
    let answer = oracle::ask(&params, &prepared.env, case.refused.is_some());
    let ours = resolve(flags, &prepared.environment, machine);

    if let Some(words) = case.refused {
        let error = match ours {
            Ok(target) => return Some(format!("we take it: {target:?}; libpq: {}", answer.error)),
            Err(error) => error,
        };
        if answer.ok {
            return Some(format!("libpq takes it; we say {error}"));
        }
        if error.exit != Exit::Usage {
            return Some(format!("the exit code is {:?}", error.exit));
        }
        let missing = |text: &str| words.iter().any(|word| !text.contains(word));
        if missing(&answer.error) || missing(&error.message) {
            return Some(format!("libpq says {:?}, we say {:?}", answer.error, error.message));
        }
        return None;
    }

    let target = match ours {
        Ok(target) => target,
        Err(error) => return Some(format!("we refuse it: {error}; libpq: {:?}", answer.error)),
    };
    let (theirs, mine) = (of_libpq(&answer, &machine.socket_dir), of_ours(&target));
    let mut wrong: Vec<String> = theirs
        .iter()
        .filter(|(key, value)| mine.get(*key) != Some(value))
        .map(|(key, value)| format!("{key}: libpq {value:?}, we {:?}", mine[key]))
        .collect();
    // libpq tells of the host in hand only; sockets that are missing have it at the last one.
    let answer_port = Some(answer.port.trim()).filter(|port| !port.is_empty()).unwrap_or("5432");
    let hand = target.hosts.iter().rev().find(|host| {
        let shown = if host.name.is_empty() { host.addr.as_deref().unwrap_or("") } else { &host.name };
        shown == answer.host && host.port.to_string() == answer_port
    });
    match hand {
        None => wrong.push(format!("libpq is at {} {}, we are not", answer.host, answer.port)),
        Some(host) => {
            let password = target
                .password_for(host)
                .map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
                .unwrap_or_default();
            if password != answer.password {
                wrong.push(format!("password: libpq {:?}, we {password:?}", answer.password));
            }
        }
    }
    let warned: Vec<&str> = answer.stderr.lines().filter(|line| line.starts_with("WARNING")).collect();
    if warned.first().copied() != target.warnings.first().map(String::as_str) {
        wrong.push(format!("libpq warns {warned:?}, we {:?}", target.warnings));
    }
    if wrong.is_empty() { None } else { Some(wrong.join("; ")) }
}

#[test]
fn what_is_resolved_is_what_libpq_resolves() {
    let cases = cases();
    assert!(cases.len() >= 60);
    let machine = Machine::of_libpq();
    // A child a case: a few at a time.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if let Some(text) = disagreement(case, &machine) {
                        wrong.lock().unwrap().push(format!("{}: {text}", case.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Files of a test's own making.
struct Fake(BTreeMap<&'static str, (&'static str, u32)>);

impl Files for Fake {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let (_, mode) = self.0.get(path.to_str().unwrap()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Stat { regular: true, directory: false, mode: *mode, uid: 1 })
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.get(path.to_str().unwrap()).ok_or(io::ErrorKind::NotFound)?.0.as_bytes().to_vec())
    }
}

fn with(vars: &[(&str, &str)]) -> Environment {
    Environment::of(vars.iter().copied(), Some(Path::new("/home/me")), Some("me"))
}

fn flags(dbname: &str) -> Flags {
    Flags { dbname: Some(dbname.to_owned()), ..Flags::default() }
}

#[test]
fn resolution_touches_no_disk() {
    let files = Fake(BTreeMap::from([(
        "/home/me/.pgpass",
        ("localhost:*:a:me:hush1\nlocalhost:*:b:me:hush2\n", 0o600),
    )]));
    let target = resolve(&flags("a"), &with(&[]), &files).unwrap();
    assert_eq!(target.hosts[0].name, "/tmp", "without the packaged directory the upstream one");
    assert_eq!(target.password_for(&target.hosts[0]).unwrap().expose(), b"hush1");
    let other = target.with_database("b");
    assert_eq!(
        other.password_for(&other.hosts[0]).unwrap().expose(),
        b"hush2",
        "another database, another line"
    );
    assert!(!format!("{target:?}{other:?}").contains("hush"));
}

#[test]
fn what_pgkit_cannot_do_is_refused_by_name() {
    let files = Fake(BTreeMap::new());
    for (dbname, vars, what) in [
        ("gssencmode=require", &[][..], "gssencmode=require"),
        ("krbsrvname=pg", &[], "krbsrvname"),
        ("sslcertmode=require", &[], "sslcertmode=require"),
        ("replication=database", &[], "replication"),
        ("min_protocol_version=3.2", &[], "min_protocol_version"),
        ("oauth_issuer=x", &[], "oauth_issuer"),
        ("db", &[("PGGSSENCMODE", "require")], "gssencmode=require"),
    ] {
        let error = resolve(&flags(dbname), &with(vars), &files).unwrap_err();
        assert_eq!(error.message, format!("{what} is not supported by pgkit"));
        assert_eq!(error.exit, Exit::Usage);
    }
    for harmless in
        ["gssencmode=prefer", "sslcrl=''", "sslnegotiation=postgres", "replication=false", "sslcompression=1"]
    {
        resolve(&flags(harmless), &with(&[]), &files).unwrap();
    }
}

#[test]
fn what_newer_versions_of_libpq_know_is_known() {
    let files = Fake(BTreeMap::new());
    let target = resolve(&flags("sslrootcert=system load_balance_hosts=random"), &with(&[]), &files).unwrap();
    assert_eq!(target.tls.mode.name(), "verify-full", "the system's roots make it the default");
    assert!(target.shuffle);
    let target =
        resolve(&flags("sslnegotiation=direct sslmode=require"), &with(&[("PGSSLCRL", "/x")]), &files)
            .unwrap();
    assert!(target.tls.direct && target.tls.crl.as_deref() == Some("/x"));
    for (weak, mode) in [("", "prefer"), (" sslmode=allow", "allow"), (" sslmode=disable", "disable")] {
        let error = resolve(&flags(&format!("sslnegotiation=direct{weak}")), &with(&[]), &files).unwrap_err();
        assert!(
            error.message.starts_with(&format!("weak sslmode \"{mode}\" may not be used")),
            "{}",
            error.message
        );
    }
    let error = resolve(&flags("sslnegotiation=maybe"), &with(&[]), &files).unwrap_err();
    assert_eq!(error.message, "invalid sslnegotiation value: \"maybe\"");
    let error = resolve(&flags("sslrootcert=system sslmode=require"), &with(&[]), &files).unwrap_err();
    assert!(error.message.contains("weak sslmode \"require\" may not be used with sslrootcert=system"));
}

#[test]
fn a_timeout_of_one_second_is_two() {
    let files = Fake(BTreeMap::new());
    for (text, seconds) in [("0", None), ("-5", None), ("1", Some(2)), ("2", Some(2)), ("9", Some(9))] {
        let target = resolve(&flags("db"), &with(&[("PGCONNECT_TIMEOUT", text)]), &files).unwrap();
        assert_eq!(target.connect_timeout.map(|time| time.as_secs()), seconds, "{text}");
    }
}

#[test]
fn the_old_variables_for_settings_become_options() {
    let files = Fake(BTreeMap::new());
    let vars = [("PGOPTIONS", "-c geqo=on"), ("PGTZ", "Europe/Isle of Man"), ("PGDATESTYLE", "default")];
    let target = resolve(&flags("db"), &with(&vars), &files).unwrap();
    assert_eq!(target.options.as_deref(), Some(r"-c geqo=on -c timezone=Europe/Isle\ of\ Man"));
}

#[test]
fn no_password_is_shown_by_any_debug() {
    let files = Fake(BTreeMap::from([("/home/me/.pgpass", ("*:*:*:*:hush\n", 0o600))]));
    for (flags, env) in [
        (flags("password=hush sslpassword=hush"), with(&[])),
        (flags("postgresql://me:hush@h/db"), with(&[])),
        (flags("db"), with(&[("PGPASSWORD", "hush")])),
        (flags("db"), with(&[])),
    ] {
        let target = resolve(&flags, &env, &files).unwrap();
        let shown = format!("{flags:?} {env:?} {target:?} {}", target.describe());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
