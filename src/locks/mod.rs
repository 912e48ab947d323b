//! Who waits for whom is a report, `queries/locks.sql`; here is what computes and acts. What the engines do they tell
//! as events; nothing here prints.

pub mod demo;
pub mod janitor;
pub mod signal;
pub mod waited;
