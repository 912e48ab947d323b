//! Wrong flags, no server, roles that may not look.

use crate::*;
