//! From typed cells to bytes: one small file a format.

pub mod escape;
