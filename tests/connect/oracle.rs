//! libpq as the oracle. It reads the process's environment, so each question is put to a child process: this
//! very test program, started again.
#![expect(unsafe_code, reason = "libpq is loaded at run time and called by its C interface")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::Write;
use std::process::{Command, Stdio};

use libloading::{Library, Symbol};
use pgkit::connect::environment;
use serde::{Deserialize, Serialize};

/// The variable by which a child knows that it is one.
const ORDERS: &str = "PGKIT_TEST_ORACLE";
/// What an answer's line begins with, among the test harness's own.
const ANSWER: &str = "ORACLE ";

#[derive(Serialize, Deserialize)]
struct Orders {
    questions: Vec<Vec<(String, String)>>,
    /// Connect and wait, else only begin to.
    wait: bool,
    /// The library.
    library: String,
}

/// The system's libpq, or the one `PGKIT_TEST_LIBPQ` names: each release changes a little.
fn library() -> String {
    environment().nonempty("PGKIT_TEST_LIBPQ").unwrap_or("libpq.so.5").to_owned()
}

/// What libpq made of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Connected (or, without waiting, on its way).
    pub ok: bool,
    /// The error message.
    pub error: String,
    /// `PQconninfo`: what is set.
    pub settings: BTreeMap<String, String>,
    /// `PQhost`, `PQport`, `PQuser`, `PQdb`, `PQpass` of the host in hand.
    pub host: String,
    /// The port.
    pub port: String,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password.
    pub password: String,
    /// Is it encrypted?
    pub tls: bool,
    /// What libpq printed.
    pub stderr: String,
}

/// The parameters as psql passes them, for these values of -h, -p, -U and -d.
pub fn psql_params(
    host: Option<&str>,
    port: Option<&str>,
    user: Option<&str>,
    dbname: Option<&str>,
) -> Vec<(String, String)> {
    [
        ("host", host),
        ("port", port),
        ("user", user),
        ("dbname", dbname),
        ("fallback_application_name", Some("pgkit")),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
    .collect()
}

/// Asks libpq, in an environment of just these variables.
pub fn ask(params: &[(String, String)], env: &[(String, String)], wait: bool) -> Answer {
    ask_all(vec![params.to_vec()], env, wait).remove(0)
}

/// Asks libpq several questions in one environment, one after the other; what it prints is in all answers.
pub fn ask_all(questions: Vec<Vec<(String, String)>>, env: &[(String, String)], wait: bool) -> Vec<Answer> {
    let orders = Orders { questions, wait, library: library() };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "connect::oracle::the_child_that_asks_libpq", "--nocapture"])
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .env(ORDERS, serde_json::to_string(&orders).unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = stdout.lines().find_map(|line| line.split_once(ANSWER)).unwrap_or_else(|| {
        panic!("the child that asks libpq gave no answer\nstdout: {stdout}\nstderr: {stderr}")
    });
    let answers: Vec<Answer> = serde_json::from_str(answer.1).unwrap();
    assert_eq!(answers.len(), orders.questions.len());
    answers.into_iter().map(|answer| Answer { stderr: stderr.clone(), ..answer }).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a child gets its orders by a variable")]
fn the_child_that_asks_libpq() {
    if let Ok(orders) = std::env::var(ORDERS) {
        let orders: Orders = serde_json::from_str(&orders).unwrap();
        let libpq = Libpq::load(&orders.library);
        let answers: Vec<Answer> =
            orders.questions.iter().map(|params| libpq.ask(params, orders.wait)).collect();
        let answers = serde_json::to_string(&answers).unwrap();
        writeln!(std::io::stdout(), "\n{ANSWER}{answers}").unwrap();
    }
}

#[test]
fn libpq_is_there_to_be_asked() {
    Libpq::load(&library());
}

/// `PQconninfoOption` of libpq-fe.h.
#[repr(C)]
struct ConninfoOption {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

struct Libpq(Library);

impl Libpq {
    fn load(name: &str) -> Libpq {
        // SAFETY: libpq has no initialisers that need anything of us.
        let library = unsafe { Library::new(name) };
        Libpq(library.unwrap_or_else(|error| {
            panic!(
                "these tests compare with libpq itself: install it (Debian: apt-get install libpq5): {error}"
            )
        }))
    }

    fn symbol<T>(&self, name: &str) -> Symbol<'_, T> {
        // SAFETY: the types given below are those of libpq-fe.h.
        unsafe { self.0.get(name.as_bytes()) }.unwrap_or_else(|error| panic!("libpq has no {name}: {error}"))
    }

    fn text(&self, name: &str, conn: *mut c_void) -> String {
        // SAFETY: conn is a live PGconn, and the result is null or a C string that lives as long.
        unsafe {
            let function: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> *const c_char> = self.symbol(name);
            owned(function(conn)).unwrap_or_default()
        }
    }

    fn ask(&self, params: &[(String, String)], wait: bool) -> Answer {
        let owned_pairs: Vec<(CString, CString)> = params
            .iter()
            .map(|(key, value)| (CString::new(key.as_str()).unwrap(), CString::new(value.as_str()).unwrap()))
            .collect();
        let keys: Vec<*const c_char> =
            owned_pairs.iter().map(|(key, _)| key.as_ptr()).chain([std::ptr::null()]).collect();
        let values: Vec<*const c_char> =
            owned_pairs.iter().map(|(_, value)| value.as_ptr()).chain([std::ptr::null()]).collect();
        let function = if wait { "PQconnectdbParams" } else { "PQconnectStartParams" };
        type Connect = unsafe extern "C" fn(*const *const c_char, *const *const c_char, c_int) -> *mut c_void;
        // SAFETY: both arrays end with a null and outlive the call; the connection is closed at the end and
        // not used after that.
        unsafe {
            let connect: Symbol<'_, Connect> = self.symbol(function);
            let status: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> c_int> = self.symbol("PQstatus");
            let in_tls: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> c_int> = self.symbol("PQsslInUse");
            let finish: Symbol<'_, unsafe extern "C" fn(*mut c_void)> = self.symbol("PQfinish");
            let conn = connect(keys.as_ptr(), values.as_ptr(), 1);
            let answer = Answer {
                // CONNECTION_BAD is 1.
                ok: status(conn) != 1,
                error: self.text("PQerrorMessage", conn),
                settings: self.settings(conn),
                host: self.text("PQhost", conn),
                port: self.text("PQport", conn),
                user: self.text("PQuser", conn),
                database: self.text("PQdb", conn),
                password: self.text("PQpass", conn),
                tls: in_tls(conn) != 0,
                stderr: String::new(),
            };
            finish(conn);
            answer
        }
    }

    /// # Safety
    /// `conn` must be a live PGconn.
    unsafe fn settings(&self, conn: *mut c_void) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        // SAFETY: PQconninfo gives an array that ends with a null keyword.
        unsafe {
            let conninfo: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> *mut ConninfoOption> =
                self.symbol("PQconninfo");
            let free: Symbol<'_, unsafe extern "C" fn(*mut ConninfoOption)> = self.symbol("PQconninfoFree");
            let first = conninfo(conn);
            let mut option = first;
            while !option.is_null() && !(*option).keyword.is_null() {
                if let (Some(key), Some(value)) = (owned((*option).keyword), owned((*option).val)) {
                    settings.insert(key, value);
                }
                option = option.add(1);
            }
            free(first);
        }
        settings
    }
}

/// # Safety
/// `text` must be null or a C string.
unsafe fn owned(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: it is not null, so it is a C string.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
