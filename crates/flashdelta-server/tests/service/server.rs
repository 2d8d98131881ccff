//! Servers as programs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::postgres;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_flashdelta-server");

/// A folder and a database, for one or more servers.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    database: Option<String>,
}

/// A server that runs.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    /// `http`, or `https`.
    pub(crate) scheme: &'static str,
    /// The token that it printed, if it was the first start.
    pub(crate) token: String,
    /// The password of `admin`, likewise.
    pub(crate) password: String,
    pub(crate) client: Client,
    /// What it has logged.
    pub(crate) log: Arc<Mutex<Vec<Value>>>,
}

impl Setup {
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None }
    }

    /// None: there is no PostgreSQL here, which has been said.
    pub(crate) fn postgres() -> Option<Self> {
        let database = Some(postgres::new_database()?);
        Some(Self { folder: tempfile::tempdir().unwrap(), database })
    }

    /// Another folder, and another database of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self.is_sqlite() {
            true => Self::sqlite(),
            false => Self::postgres().unwrap(),
        }
    }

    /// The address of PostgreSQL.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.database.is_none()
    }

    /// A command of the program, on this folder and database.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut program = Command::new(PROGRAM);
        program.arg(command).arg("--data").arg(self.folder.path().join("data"));
        if let Some(database) = &self.database {
            program.args(["--database", database]);
        }
        program
    }

    /// What a command prints.
    pub(crate) fn output(&self, command: &str, arguments: &[&str]) -> String {
        let output = self.command(command).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert!(output.status.success(), "{}", text(output.stderr));
        text(output.stdout)
    }

    pub(crate) fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// On a database that another server has made.
    pub(crate) fn start_known(&self) -> Server {
        self.database_is_new();
        self.start()
    }

    pub(crate) fn start_with(&self, arguments: &[&str]) -> Server {
        self.start_at("127.0.0.1:0", arguments)
    }

    /// A process that makes patches.
    pub(crate) fn start_worker(&self, arguments: &[&str]) -> Worker {
        let mut program = self.command("worker");
        program.args(["--log", "error"]).args(arguments).stdin(Stdio::null());
        Worker(program.spawn().unwrap())
    }

    pub(crate) fn start_at(&self, address: &str, arguments: &[&str]) -> Server {
        let mut program = self.command("serve");
        program.args(["--listen", address, "--log-format", "json"]).args(arguments);
        if !arguments.contains(&"--log") {
            program.args(["--log", "flashdelta_server=debug,info"]);
        }
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = program.spawn().unwrap();
        let (found, address) = mpsc::channel();
        let lines = BufReader::new(process.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let entries = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                // What is printed is shown with the test that fails.
                println!("{line}");
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "listening" {
                    let _ = found.send(entry["address"].as_str().unwrap().to_owned());
                }
                entries.lock().unwrap().push(entry);
            }
        });
        let address = address.recv_timeout(Duration::from_secs(60)).expect("the server starts");
        let [token, password] = match self.database_is_new() {
            true => {
                let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
                [(); 2].map(|()| lines.nth(1).unwrap().unwrap())
            }
            false => Default::default(),
        };
        Server { process, address, scheme: "http", token, password, client: Client::new(), log }
    }

    /// Whether no server was started yet.
    fn database_is_new(&self) -> bool {
        let mark = self.folder.path().join("started");
        let is_new = !mark.exists();
        std::fs::write(mark, "").unwrap();
        is_new
    }
}

impl Server {
    /// The number of entries of the log with this message. What was written before has been read
    /// when one more request is in it.
    pub(crate) async fn logged(&self, message: &str) -> usize {
        let count = |message: &str| {
            let log = self.log.lock().unwrap();
            log.iter().filter(|entry| entry["message"] == message).count()
        };
        let before = count("answered");
        for _ in 0..200 {
            self.request(Method::GET, "/healthz", "").send().await.unwrap();
            if count("answered") > before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        count(message)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// A request with this token.
    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    /// What an operator gets.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path, &self.token).send().await.unwrap();
        json(response, StatusCode::OK).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Value {
        let request = self.request(Method::PUT, path, &self.token).json(body);
        json(request.send().await.unwrap(), StatusCode::OK).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.request(Method::POST, path, &self.token).json(body);
        json(request.send().await.unwrap(), StatusCode::OK).await
    }

    /// The most memory that its process has had, in bytes; of the processes that make patches none.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_default() << 10
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) -> bool {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        self.process.wait().unwrap().success()
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A process that makes patches; dropped, it is killed.
pub(crate) struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of a response that has this status.
pub(crate) async fn json(response: Response, status: StatusCode) -> Value {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    match text.is_empty() {
        true => Value::Null,
        false => serde_json::from_str(&text).unwrap(),
    }
}
