//! Adds up what a log says: by statement, by error, by table and so on, and by interval of time.

mod collect;
mod entry;
mod groups;
mod kept;
mod names;
mod page;
mod pipe;
mod sections;
mod series;
mod server;
mod sessions;
mod shapes;
mod skeleton;
mod sql;
mod statements;
mod tally;

pub use collect::{Choice, Collector, Steps};
pub use groups::MOST as MOST_ROWS;
pub use page::page;
pub use pipe::Pipe;
pub use sections::{NARROW_OVERVIEW, OVERVIEW, STEPS, Section, overview, steps};
pub use series::MOST as MOST_STEPS;
