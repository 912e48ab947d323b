//! Reports: what is known about each of them, and which of its texts a server gets.

mod check;
mod checks;
mod header;
mod model;
mod registry;

pub use crate::rows::Column;
pub use check::{check_row, columns, describe};
pub use checks::{Check, Optional, Sentence, for_people};
pub use model::{
    Complete, Condition, Extension, Param, ParamType, Private, Report, SHARED_FLAGS, Scope, Text,
};
pub use registry::{OwnReports, built_in, of_doctor, own};
