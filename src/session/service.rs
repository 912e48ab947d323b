//! The managed services, whose customers are not superusers: what elsewhere is set with SQL is set through the service.

use serde::Deserialize;

/// Who runs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Service {
    /// Amazon RDS and Aurora.
    #[serde(rename = "rds_superuser")]
    Rds,
    /// Google Cloud SQL.
    #[serde(rename = "cloudsqlsuperuser")]
    CloudSql,
    /// Google AlloyDB.
    #[serde(rename = "alloydbsuperuser")]
    AlloyDb,
    /// Azure Database for PostgreSQL.
    #[serde(rename = "azure_pg_admin")]
    Azure,
}

impl Service {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Rds => "Amazon RDS",
            Service::CloudSql => "Cloud SQL",
            Service::AlloyDb => "AlloyDB",
            Service::Azure => "Azure Database for PostgreSQL",
        }
    }

    /// The role whose members administer the server, as far as the service lets anybody.
    pub const fn administrators(self) -> &'static str {
        match self {
            Service::Rds => "rds_superuser",
            Service::CloudSql => "cloudsqlsuperuser",
            Service::AlloyDb => "alloydbsuperuser",
            Service::Azure => "azure_pg_admin",
        }
    }

    /// Where the settings of the whole server are set.
    pub const fn settings(self) -> &'static str {
        match self {
            Service::Rds => "in the DB parameter group",
            Service::CloudSql | Service::AlloyDb => "as database flags of the instance",
            Service::Azure => "as server parameters (az postgres flexible-server parameter set)",
        }
    }

    /// How the server's log is read.
    pub const fn log(self) -> &'static str {
        match self {
            Service::Rds => {
                "aws rds download-db-log-file-portion --output text --db-instance-identifier NAME --log-file-name FILE | pgkit log tail -"
            }
            Service::CloudSql => {
                "gcloud logging read 'resource.type=\"cloudsql_database\"' --order=asc --format=json | pgkit log tail -"
            }
            Service::AlloyDb => {
                "gcloud logging read 'resource.type=\"alloydb.googleapis.com/Instance\"' --order=asc --format=json | pgkit log tail -"
            }
            Service::Azure => "az postgres flexible-server server-logs download, then pgkit log tail FILE",
        }
    }
}
