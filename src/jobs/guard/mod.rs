//! The guard runs jobs, one at a time, and is responsible for them to the end. It holds the job's lock, keeps its
//! lease, runs the program or the SQL, kills the whole process tree where it must, and records the result.
//!
//! A guard is another process of pgkit. It gets its orders over a pipe; when that pipe is closed, it ends what
//! runs.

mod elsewhere;
mod ended;
mod notify;
mod program;
mod record;
mod statement;
mod work;

pub(crate) use work::run;
