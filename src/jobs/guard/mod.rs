//! The guard: runs jobs, one at a time, and is their last word. It holds the job's lock, keeps its lease, runs the
//! program or the SQL, ends the whole tree of processes where it must, and records what came of it.
//!
//! A guard is pgkit started again. Its orders come over a pipe; the end of that pipe is the end of what runs.

mod program;
mod record;
mod statement;
mod work;

pub(crate) use work::run;
