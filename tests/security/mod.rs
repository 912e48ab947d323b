//! Attempts by others to make pgkit run their code as its user: with objects in a database, with files on the host,
//! or as a hostile server. `docs/SECURITY.md` names each of these tests beside the guarantee that it proves.

mod commands;
mod ground;
mod host;
mod hostile;
mod plants;
mod sources;
mod tables;
