//! What the catalog alone tells: obstacles of versions that have no pg_upgrade here.

use crate::*;
