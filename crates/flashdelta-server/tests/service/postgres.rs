//! A PostgreSQL of the tests' own: a folder, a free port, and an end with the tests, however they
//! end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::network::lasting_port;

struct Postgres {
    port: u16,
    bin: PathBuf,
    /// Ends the database when its standard input ends: with this process.
    _keeper: Child,
}

static POSTGRES: OnceLock<Option<Postgres>> = OnceLock::new();

/// The address of a new and empty database; `None`, said aloud, where there is no PostgreSQL.
pub(crate) fn new_database() -> Option<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let postgres = POSTGRES.get_or_init(start).as_ref()?;
    let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    postgres.sql(&format!("CREATE DATABASE {name}"));
    Some(format!("postgres://postgres@127.0.0.1:{}/{name}", postgres.port))
}

impl Postgres {
    fn sql(&self, text: &str) {
        let port = self.port.to_string();
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-c", text]);
        assert!(psql.status().unwrap().success(), "{text}");
    }
}

/// Where Debian has the server: not in the path.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    found.sort();
    found.into_iter().rev().find(|bin| bin.join("initdb").is_file() && bin.join("psql").is_file())
}

fn start() -> Option<Postgres> {
    let Some(bin) = bin() else {
        // To the file itself: the harness of tests keeps what is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no PostgreSQL here (Debian: apt-get install postgresql)"
        );
        return None;
    };
    let folder = tempfile::Builder::new().prefix("flashdelta-pg").tempdir().unwrap().keep();
    let port = lasting_port();
    // It refuses to run as root.
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let user = if is_root { "runuser -u postgres --" } else { "" };
    if is_root {
        let chown = Command::new("chown").arg("postgres").arg(&folder).status().unwrap();
        assert!(chown.success());
    }
    let (bin_text, data) = (bin.display(), folder.join("data"));
    let (data, log) = (data.display(), folder.join("log"));
    let script = format!(
        "cd / && {user} {bin_text}/initdb -D {data} -U postgres -A trust -N >/dev/null && \
         {{ {user} {bin_text}/postgres -D {data} -p {port} -h 127.0.0.1 -k '' \
         -c max_connections=300 -c fsync=off >{log} 2>&1 </dev/null & }} && \
         cat >/dev/null; {user} {bin_text}/pg_ctl -D {data} -m immediate stop >/dev/null 2>&1; \
         rm -rf {folder}",
        log = log.display(),
        folder = folder.display(),
    );
    let mut keeper = Command::new("sh");
    // A group of its own: Ctrl-C ends the tests, and then the keeper the database.
    std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
    let keeper = keeper.args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
    let postgres = Postgres { port, bin, _keeper: keeper };
    wait(&postgres, &log);
    Some(postgres)
}

fn wait(postgres: &Postgres, log: &Path) {
    let start = Instant::now();
    let port = postgres.port.to_string();
    loop {
        let mut ready = Command::new(postgres.bin.join("pg_isready"));
        let ready = ready.args(["-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres"]);
        if ready.status().is_ok_and(|status| status.success()) {
            return;
        }
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(60), "PostgreSQL did not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
