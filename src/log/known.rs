//! Known values of log_line_prefix: the server's default, and those of distributions, services and well-known
//! guides.

/// The prefixes with a name, for `--line-prefix NAME`. If a name has several, the one that fits is taken.
pub const NAMED: &[(&str, &[&str])] = &[
    ("default", &["%m [%p] "]),
    ("debian", &["%m [%p] %q%u@%d ", "%t [%p-%l] %q%u@%d "]),
    ("redhat", &["%m [%p] ", "< %m > ", "< %m >", "< %t > ", "< %t >"]),
    ("suse", &["%m %d %u [%p]"]),
    (
        "rds",
        &[
            "%t:%r:%u@%d:[%p]:",
            "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
            "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
            "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a",
            "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a.",
        ],
    ),
    ("azure", &["%t-%c-", "%t-%c-%q%u@%d-"]),
    ("cloudsql", &["%m [%p]: [%l-1] db=%d,user=%u ", "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h "]),
    ("supabase", &["%h %m [%p] %q%u@%d "]),
    (
        "heroku",
        &[
            " sql_error_code = %e ",
            " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" tid=\"%x\" log_line=\"%l\" %qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",
        ],
    ),
    ("zalando", &["%t [%p]: [%l-1] %c %x %d %u %a %h "]),
    ("timescale", &["%t [%p]: [%c-%l] %q%u@%d,app=%a [%e] ", "%t [%p]: [%c-%l] %u@%d,app=%a [%e] "]),
    ("stackgres", &["%t [%p]: db=%d,user=%u,app=%a,client=%h "]),
    (
        "aiven",
        &[
            "pid=%p,user=%u,db=%d,app=%a,client=%h ",
            "pid=%p,user=%u,db=%d,app=%a,client=%h,txid=%x,qid=%Q ",
            "%m [%p] %q[user=%u,db=%d,app=%a] ",
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
        ],
    ),
    (
        "pgbadger",
        &[
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
            "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
            "%t [%p]: [%l-1] user=%u,db=%d ",
            "user=%u,db=%d,app=%a,client=%h ",
            "user=%u,db=%d,client=%h ",
            "user=%u,db=%d ",
        ],
    ),
    ("edb", &["%t ", "%m "]),
];

/// Other prefixes, from guides and from users' settings.
const OTHERS: &[&str] = &[
    "%m [%p] %u@%d ",
    "%m [%p] %q%u@%d %h ",
    "%m [%p] %q%u@%d %r ",
    "%m [%p] %q%u@%d/%a ",
    "%m [%p] %u@%d/%a ",
    "%m [%p] %u@%d %a ",
    "%m [%p]: ",
    "%m [%p]: [%l-1] ",
    "%m [%p]: [%l] ",
    "%m [%p-%l] %q%u@%d ",
    "%m [%p-%l] ",
    "[%p] ",
    "[%p]: [%l-1] ",
    "[%p]: [%l-1] db=%d,user=%u ",
    "[%p]: [%l-1] user=%u,db=%d ",
    "[%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "[%m] [%p] ",
    "[%m][%p] ",
    "[%m] [%p] %u@%d ",
    "[%m] [%p] %q%u@%d ",
    "[%m] ",
    "%m [%p]: [%l-1] user=%u,db=%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a ",
    "%m [%p]: [%l-1] user=%u,db=%d - PG-%e ",
    "%m [%p]: [%l-1] [trx_id=%x] user=%u,db=%d ",
    "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h,host=%h ",
    "%m [%p]: [%l-1] host=%h,user=%u,db=%d,app=%a ",
    "%m [%p]: [%l-1] app=%a,user=%u,db=%d,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,host=%h,app=%a ",
    "%m [%p]: [%l-1] user=%u,database=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] %q%u@%d ",
    "%m [%p]: [%l-1] %u@%d ",
    "%m [%p]: user=%u,db=%d ",
    "%m [%p]: user=%u,db=%d,app=%a ",
    "%m [%p]: user=%u,db=%d,client=%h ",
    "%m [%p]: user=%u,db=%d,host=%h ",
    "%m [%p]: db=%d,user=%u ",
    "%m [%p]: db=%d,user=%u,host=%h ",
    "%m [%p]: %u@%d ",
    "%m [%p]: %q%u@%d ",
    "%m [%p] user=%u,db=%d ",
    "%m [%p] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] user=%u,db=%d,client=%h ",
    "%m [%p] user=%u db=%d ",
    "%m [%p] user=%u db=%d app=%a ",
    "%m [%p] user=%u db=%d app=%a client=%h ",
    "%m [%p] db=%d user=%u ",
    "%m [%p] db=%d,user=%u ",
    "%m [%p] db=%d,user=%u,app=%a,client=%h ",
    "%m [%p] %quser=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %quser=%u,db=%d,app=%a ",
    "%m [%p] %quser=%u,db=%d ",
    "%m [%p] %quser=%u db=%d app=%a ",
    "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] ",
    "%m [%p] %q[user=%u,db=%d,app=%a,client=%h] ",
    "%m [%p] %q[user=%u,db=%d] ",
    "%m [%p][%v] : [%l-1] %q[app=%a] ",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "[%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %e ",
    "%m [%p] %e %q%u@%d ",
    "%m [%p] %e %u@%d ",
    "%m [%p] [%e] ",
    "%m [%p]: [%l-1] [%e] ",
    "%m [%c] ",
    "%m [%p] %c ",
    "%m [%p] %q%a %u@%d ",
    "%m [%p] %r %u@%d ",
    "%m [%p] %h %u@%d ",
    "%m %h [%p] %u@%d ",
    "%m %u@%d [%p] ",
    "%m %u@%d %p ",
    "%m %u@%d %p %r ",
    "%m %u@%d %h [%p] ",
    "%m %u@%d(%p) ",
    "%m %u@%d %a ",
    "%m %u@%d ",
    "%m %p %u@%d ",
    "%m %p ",
    "%m:%p:",
    "%m:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]: ",
    "%m:%h:%u@%d:[%p]:",
    "%m:%r:%u@%d:%p:",
    "%m-%p-",
    "%m [%p]:%u@%d:",
    "%m %r %u@%d [%p] ",
    "%m %r %u %a [%c] [%p] ",
    "%m %r %d %a [%c] [%p] ",
    "%p-%s-%c-%l-%h-%u-%d-%m ",
    "%m %u %d ",
    "%m %u %d [%p] ",
    "%m %u %d %p ",
    "%m %u %d [%p]",
    "%m [%p] %u %d ",
    "%m [%p] %q%u %d ",
    "%m [%p] %q%u/%d ",
    "%m [%p] %u/%d ",
    "%m [%p]: %u %d ",
    "%m|%u|%d|%c|",
    "%m|%u|%d|%p|",
    "%m|%p|%u|%d|",
    "%m|%p|%u|%d|%a|",
    "%m;%u;%d;%p;",
    "%m,%p,%u,%d,",
    "%m [%p]: u=[%u] db=[%d] app=[%a] c=[%h] s=[%c:%l] tx=[%v:%x] ",
    "%m u=%u d=%d p=%p a=%a ",
    "time=%m, pid=%p %q db=%d, usr=%u, client=%h , app=%a, line=%l ",
    "time=%m, pid=%p, db=%d, usr=%u, client=%h, app=%a, line=%l ",
    "[%m] [%p] [%u@%d] ",
    "[%m] %u@%d [%p] ",
    "%m [%p] [%u@%d] ",
    "%m [%p] <%u@%d> ",
    "<%m>",
    "<%m> ",
    "<%m [%p]>",
    "<%m %u@%d> ",
    "<%m %u %d>",
    "user=%u,db=%d,app=%a,client=%h,pid=%p ",
    "db=%d,user=%u,app=%a,client=%h ",
    "db=%d,user=%u ",
    "user=%u db=%d ",
    "app=%a,user=%u,db=%d ",
    "%q%u@%d ",
    "%u@%d ",
    "%u@%d [%p] ",
    "[%p] %u@%d ",
    "[%p] %q%u@%d ",
    "%m: %u@%d: ",
    "%m: [%p]: ",
    "%m %a %u@%d(%h) %p ",
    "%n [%p] ",
    "%n [%p] %q%u@%d ",
    "%m [%5p] ",
    "%m [%5p] %q%u@%d ",
    "[%l-1] user=%u,db=%d ",
    "%m [%p] %q%u@%d (%a) ",
    "%m [%p] %q%u@%d [%a] ",
    "%m [%p] %q%u@%d,%a,%h ",
    "%m [%p] %q%u@%d %a %h ",
    "%m [%p] %q%u@%d %h %a ",
    "%m [%p] %q%u@%d %r %a ",
    "%m [%p] %q%u@%d/%a : ",
    "%m [%p] %q%u@%d/%a %h ",
    "%m [%p] %q%u@%d app=%a ",
    "%m [%p] %q%u@%d app=%a %x ",
    "%m [%p] %u@%d/%a,xid=%x ",
    "%m [%p] user=%u,db=%d,app=%a ",
    "%m [%p] user=%u,db=%d,app=%a SQLSTATE=%e ",
    "%m [%p] user=%u,db=%d,app=%a,tx=%v ",
    "%m [%p] user=%u,db=%d,app=%a,client=%h %x ",
    "%m [%p] user=%u,db=%d,app=%a,client=%h,xid=%x ",
    "%m [%p] user=%u,db=%d,app=%a,client=%h,sess=%c ",
    "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l] user=%u,db=%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,xid=%x ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,sess=%c ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,e=%e ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%r ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,qid=%Q ",
    "%m [%p]: [%l-1] %u@%d %r %a ",
    "%m [%p]: [%l-1] %u@%d %a ",
    "%m [%p]: [%l-1] %u@%d %h %a ",
    "%m [%p]: [%l-1] %u@%d,%a,%h ",
    "%m %d %u %a %h [%p]: ",
    "%m %u %d %a %h [%p]: ",
    "%m - %p - %u@%d ",
    "%m;%p;%u;%d;%a;%h;%e;",
    "time=%m,pid=%p,user=%u,db=%d,app=%a,client=%h ",
    "time=%m pid=%p user=%u db=%d app=%a client=%h ",
    "[%m][%r][%v][%p] : [%l-1] %q[app=%a] ",
    "%m-%c-%r-",
    "%m [%p] [%v:%x] %q%u@%d ",
    "%m [%p] [%c-%l] %u@%d ",
    "%m [%p] %b %q%u@%d ",
    "%m [%p] %q[%u@%d/%a] ",
    "",
];

/// Returns all known prefixes, each once, including variants with `%q`, and variants with user and database swapped: without
/// a label, nothing tells one from the other.
pub fn all() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let listed = NAMED.iter().flat_map(|(_, prefixes)| prefixes.iter()).chain(OTHERS);
    let listed: Vec<&str> = listed.copied().collect();
    let of_sessions = listed.iter().flat_map(|prefix| with_q(prefix));
    for prefix in listed.iter().map(|prefix| (*prefix).to_owned()).chain(of_sessions) {
        let other = swapped(&prefix);
        for text in [prefix, other] {
            if !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all
}

/// Returns the variants of a prefix that have a `%q` after a blank, between its first escape and the first name, or the client's
/// host if it has no name. A prefix that has a `%q` already has no variants.
fn with_q(prefix: &str) -> Vec<String> {
    let first_of = |escapes: &[&str]| escapes.iter().filter_map(|escape| prefix.find(escape)).min();
    let until = first_of(&["%u", "%d", "%a"]).or_else(|| first_of(&["%r", "%h"]));
    let (Some(until), Some(first), false) = (until, prefix.find('%'), prefix.contains("%q")) else {
        return Vec::new();
    };
    let blanks = prefix[..until].match_indices(' ').map(|(at, _)| at + 1).filter(|at| *at > first);
    blanks.map(|at| format!("{}%q{}", &prefix[..at], &prefix[at..])).collect()
}

/// Returns the prefix with user and database swapped, unless a label or an `@` between them says which is which.
pub fn swapped(prefix: &str) -> String {
    if prefix.contains("%u@%d")
        || prefix.contains("=%u")
        || prefix.contains("=[%u")
        || prefix.contains("\"%u")
    {
        return prefix.to_owned();
    }
    prefix.replace("%u", "\0").replace("%d", "%u").replace('\0', "%d")
}

/// Returns the prefixes with this name.
pub fn named(name: &str) -> Option<&'static [&'static str]> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, prefixes)| *prefixes)
}
