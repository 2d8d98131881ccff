//! The demonstration, as it is called.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use reqwest::StatusCode;

use crate::server::PROGRAM;

fn demo(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(PROGRAM);
    program.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder).args(arguments);
    program
}

#[test]
fn made_up_devices_update_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &["--once"]).output().unwrap();
    let (said, errors) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}{errors}");
    let updated = |by: &str| {
        let of = format!("  {by}  1.0 to 1.1: ");
        said.lines().filter(|line| line.contains(&of)).count()
    };
    assert!(updated("HTTP") > 2 && updated("CoAP") > 1, "{said}{errors}");
    assert!(said.contains("heron-007  HTTP  something unknown to 1.1: "), "{said}");
    assert!(said.contains("egret-006  HTTP  failed: flash: sector 7"), "{said}");
    // A delta is a small part of the image.
    let line = said.lines().find(|line| line.starts_with("egret-001")).unwrap();
    let numbers = line.split(": ").nth(1).unwrap().replace(" bytes in place of", "");
    let numbers: Vec<u32> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
    assert!(numbers[0] * 2 < numbers[1], "{line}");
    assert_eq!(errors, "");
    // Once more: what has been done is done.
    let again = demo(folder.path(), &["--once"]).output().unwrap();
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.success() && !said.contains(" to 1.1"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_pages_are_where_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = demo(folder.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let mut after = |start: &str| {
        let line = lines.find(|line| line.trim_start().starts_with(start)).unwrap();
        line.trim_start()[start.len()..].trim().to_owned()
    };
    let pages = after("Pages");
    let password = after("sign in as demo with ");
    let token = after("FLASHDELTA_TOKEN=");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let body = format!("tenant=default&name=demo&password={password}");
    let form = client.post(format!("{pages}/login")).body(body);
    let answer = form.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let page = client.get(&pages).header("cookie", cookie).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("to 1.1"));
    let api = client.get(pages.replace("/ui", "/v1/devices?limit=1000")).bearer_auth(token);
    let devices: serde_json::Value = api.send().await.unwrap().json().await.unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 30);
    // Ctrl-C ends it.
    let id = rustix::process::Pid::from_child(&program);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert!(program.wait().unwrap().success());
}
