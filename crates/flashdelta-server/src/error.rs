//! Errors of the service.

use core::fmt;

use flashdelta_fleet::catalogue::CatalogueError;
use flashdelta_fleet::planner::PlanError;
use flashdelta_fleet::rules::RuleError;
use flashdelta_fleet::TextError;

/// An error of the service. The first ones are caused by the request, the others are not.
#[non_exhaustive]
#[derive(Debug)]
pub enum Error {
    /// Something that was given cannot be.
    Bad {
        /// What it is about.
        what: &'static str,
        /// What was given.
        found: String,
        /// What could be.
        expected: String,
    },
    /// There is none.
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// There is one already, and it is another.
    Exists {
        /// What it is.
        what: String,
    },
    /// No token, or one that is unknown.
    Unauthorized,
    /// The token does not permit this.
    Forbidden {
        /// What it would take.
        needs: &'static str,
    },
    /// It is not ready yet.
    NotReady {
        /// Seconds after which to ask again.
        retry_after: u32,
    },
    /// Too many requests.
    TooMany {
        /// Seconds after which to ask again.
        retry_after: u32,
    },
    /// Something cannot be entered into the catalogue.
    Catalogue(CatalogueError),
    /// Rules cannot be entered.
    Rule(RuleError),
    /// A file cannot be read as firmware.
    Firmware(String),
    /// The database does not do what it should.
    Database(sqlx::Error),
    /// Tables cannot be brought up to date.
    Migrate(sqlx::migrate::MigrateError),
    /// The store of contents does not do what it should.
    Store(object_store::Error),
    /// Contents of the store are not what their name says.
    Damaged {
        /// Where they are.
        path: String,
    },
    /// A file or a socket.
    Io {
        /// What it is.
        what: String,
        /// What is wrong with it.
        error: std::io::Error,
    },
    /// What the database has cannot be read.
    Json(serde_json::Error),
    /// A patch could not be made.
    Make(String),
}

impl Error {
    pub(crate) fn bad(
        what: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let mut found = found.into();
        if let Some((at, _)) = found.char_indices().nth(160) {
            found.truncate(at);
        }
        Self::Bad { what, found, expected: expected.into() }
    }

    pub(crate) fn io(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { what: what.to_string(), error }
    }

    /// A stable name of what it is.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bad { .. } => "bad-value",
            Self::NotFound { .. } => "not-found",
            Self::Exists { .. } => "exists",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::NotReady { .. } => "not-ready",
            Self::TooMany { .. } => "too-many-requests",
            Self::Catalogue(error) => error.code(),
            Self::Rule(error) => error.code(),
            Self::Firmware(_) => "firmware",
            Self::Database(_) | Self::Migrate(_) => "database",
            Self::Store(_) => "store",
            Self::Damaged { .. } => "damaged",
            Self::Io { .. } => "io",
            Self::Json(_) => "internal",
            Self::Make(_) => "make",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad { what, found, expected } => {
                write!(f, "{what}: found {found:?}, expected {expected}")
            }
            Self::NotFound { what } => write!(f, "there is no {what}"),
            Self::Exists { what } => write!(f, "there is already another {what}"),
            Self::Unauthorized => f.write_str("no token, or an unknown one"),
            Self::Forbidden { needs } => write!(f, "the token does not permit this: {needs}"),
            Self::NotReady { retry_after } => {
                write!(f, "it is being made: ask again in {retry_after} s")
            }
            Self::TooMany { retry_after } => {
                write!(f, "too many requests: ask again in {retry_after} s")
            }
            Self::Catalogue(error) => error.fmt(f),
            Self::Rule(error) => error.fmt(f),
            Self::Firmware(message) => f.write_str(message),
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Migrate(error) => write!(f, "database: {error}"),
            Self::Store(error) => write!(f, "store: {error}"),
            Self::Damaged { path } => write!(f, "store: {path} is not what its name says"),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::Json(error) => write!(f, "database: {error}"),
            Self::Make(message) => write!(f, "cannot make a patch: {message}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        match (code.as_deref(), &error) {
            // PostgreSQL has no text with a zero byte in it.
            (Some("22021"), _) => Self::bad("text", "a zero byte", "text without one"),
            // Two that waited for each other (PostgreSQL), or one that waited for long (SQLite):
            // asked again it will be right.
            (Some("40001" | "40P01" | "5" | "517"), _) | (None, sqlx::Error::PoolTimedOut) => {
                tracing::warn!(%error, "the database is busy");
                Self::NotReady { retry_after: 1 }
            }
            _ => Self::Database(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migrate(error)
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<CatalogueError> for Error {
    fn from(error: CatalogueError) -> Self {
        Self::Catalogue(error)
    }
}

impl From<TextError> for Error {
    fn from(error: TextError) -> Self {
        Self::Catalogue(error.into())
    }
}

impl From<RuleError> for Error {
    fn from(error: RuleError) -> Self {
        Self::Rule(error)
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Device(error) => Self::Catalogue(error),
            error => Self::bad("product", error.to_string(), "that of the rules"),
        }
    }
}
