//! `doctor`: judges the rows of reports by the checks in the reports' headers.

mod finding;
mod judge;
mod limits;
mod page;
mod rows;
mod unlooked;
mod verdict;

pub use finding::{Change, Finding, Severity};
pub use judge::{Diagnosis, Question, diagnose};
pub use limits::{Limits, path as limits_path};
pub use page::{Sheet, page};
pub use unlooked::{ALL as ALL_UNLOOKED, OWN_REPORT, SERVER, Unlooked, named as unlooked};
pub use verdict::{Threshold, compare, exit};
