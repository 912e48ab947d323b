//! One test for each major version of the server, so that the output names those that fail and `cargo test pg15` runs one.

use pgkit::connect::ServerVersion;
use pgkit::sandbox::Binaries;

use super::{bins, planted_bins, say};

/// Makes a test of this function for every major version; it is handed the programs of one.
macro_rules! on_every_server {
    ($test:ident) => {
        $crate::support::every::one_a_major!($test, $crate::support::every::on);
    };
}
pub(crate) use on_every_server;

/// Like [`on_every_server`], and on the versions of `PGKIT_TEST_PLANTED_BINS` too.
macro_rules! on_every_planted_server {
    ($test:ident) => {
        $crate::support::every::one_a_major!($test, $crate::support::every::on_planted);
    };
}
pub(crate) use on_every_planted_server;

macro_rules! one_a_major {
    ($test:ident, $on:path) => {
        mod $test {
            $crate::support::every::one_a_major!($test, $on,
                pg10 10, pg11 11, pg12 12, pg13 13, pg14 14, pg15 15, pg16 16, pg17 17, pg18 18);
        }
    };
    ($test:ident, $on:path, $($name:ident $major:literal),*) => {
        $(
            #[test]
            fn $name() {
                $on($major, super::$test);
            }
        )*
        const _: () = $crate::support::every::covers(&[$($major),*]);
    };
}
pub(crate) use one_a_major;

/// Fails to compile when a major version that pgkit supports has no test.
pub const fn covers(majors: &[u32]) {
    assert!(majors[0] == ServerVersion::OLDEST && majors[majors.len() - 1] == ServerVersion::NEWEST);
    assert!(majors.len() as u32 == ServerVersion::NEWEST - ServerVersion::OLDEST + 1);
}

/// Runs a test on the server of this major version, if there is one.
pub fn on(major: u32, test: fn(&Binaries)) {
    run(bins(), major, test);
}

/// [`on`], with those for the tests of planted databases.
pub fn on_planted(major: u32, test: fn(&Binaries)) {
    run(&planted_bins(), major, test);
}

fn run(bins: &[Binaries], major: u32, test: fn(&Binaries)) {
    tell();
    if let Some(bin) = bins.iter().find(|bin| bin.major == major) {
        test(bin);
    }
}

/// Tells once which servers the tests of every server run on, for the others count as passed.
fn tell() {
    static TOLD: std::sync::Once = std::sync::Once::new();
    TOLD.call_once(|| {
        let versions: Vec<&str> = bins().iter().map(|bin| bin.version.as_str()).collect();
        say(format_args!(
            "servers: PostgreSQL {}; tests for other versions do nothing (PGKIT_TEST_PG_BINS)",
            versions.join(", ")
        ));
    });
}
