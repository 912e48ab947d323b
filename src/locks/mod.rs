//! Which process waits for which is a report, `queries/reports/activity/locks.sql`; here is the code that computes
//! and acts. The engines report what they do as events; nothing here prints.

pub mod demo;
pub mod janitor;
pub mod signal;
pub mod waited;
