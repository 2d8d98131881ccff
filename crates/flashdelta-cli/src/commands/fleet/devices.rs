//! `flashdelta fleet devices`

use core::fmt::Write as _;

use serde_json::{json, Value};

use super::answers::{field, print_done, print_list};
use super::client::{part, Client};
use crate::failure::Outcome;
use crate::outputs::{print, print_json};
use crate::text::{self, grouped, Table};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List them
    List {
        /// Of this product
        #[arg(long, default_value = "", value_name = "NAME")]
        product: String,
        /// With this in the id, or at the start of model, batch, serial number
        #[arg(long, default_value = "", value_name = "TEXT")]
        search: String,
        /// With ids after this one
        #[arg(long, default_value = "", value_name = "ID")]
        after: String,
        /// At most this many, up to 1000
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: u32,
    },
    /// Show one, with its history
    Show {
        /// Its id
        id: String,
    },
    /// Say what one gets next, and why
    Next {
        /// Its id
        id: String,
    },
    /// Enter one; prints its token, this once
    Add {
        /// Its id
        id: String,
        /// Its product
        #[arg(long, value_name = "NAME")]
        product: String,
        /// What its patches are made for: tiny, small, esp32, micropython or linux
        #[arg(long, default_value = "esp32", value_name = "NAME")]
        profile: String,
        /// It takes patches only, and no whole files
        #[arg(long)]
        patches_only: bool,
    },
}

impl Command {
    pub(super) fn run(self, client: &Client, json: bool) -> Outcome {
        match self {
            Self::List { product, search, after, limit } => {
                let [product, search, after] = [&product, &search, &after].map(|text| part(text));
                let path = format!(
                    "/v1/devices?product={product}&search={search}&after={after}&limit={limit}"
                );
                let fields = ["id", "device/product", "device/version", "failures", "failing"];
                print_list(&client.get(&path)?, json, fields, "no such device")
            }
            Self::Show { id } => {
                let path = format!("/v1/devices/{}", part(&id));
                let stored = client.get(&path)?;
                let actions = client.get(&format!("{path}/actions"))?;
                match json {
                    true => print_json(&json!({"device": stored, "actions": actions})),
                    false => print(&shown(&stored, &actions)),
                }
            }
            Self::Next { id } => {
                let plan = client.get(&format!("/v1/devices/{}/plan", part(&id)))?;
                match json {
                    true => print_json(&plan),
                    false => print(&planned(&plan)),
                }
            }
            Self::Add { id, product, profile, patches_only } => {
                let applier = json!({"profile": profile, "takes_files": !patches_only});
                let body = json!({"id": id, "product": product, "applier": applier});
                let answer = client.put(&format!("/v1/devices/{}", part(&id)), &body)?;
                let token = field(&answer, "token");
                let line = if token.is_empty() { format!("device {id} is changed") } else { token };
                print_done(&answer, json, &line)
            }
        }
    }
}

/// A device and its history.
fn shown(stored: &Value, actions: &Value) -> String {
    let mut out = format!("{}\n", field(stored, "id"));
    let mut table = Table::default();
    if let Some(device) = stored["device"].as_object() {
        for (name, value) in device.iter().filter(|(name, _)| *name != "id") {
            let is_empty = matches!(value, Value::Null)
                || *value == json!("")
                || *value == json!(0)
                || *value == json!([])
                || *value == json!({});
            if !is_empty {
                table.row([name, &field(&stored["device"], name)]);
            }
        }
    }
    if stored["failures"].as_i64().unwrap_or(0) > 0 {
        let failing = format!("{} times: {}", field(stored, "failures"), field(stored, "failing"));
        table.row(["failed", &failing]);
    }
    out += &table.render("ll");
    let actions = actions.as_array().map(Vec::as_slice).unwrap_or_default();
    if actions.is_empty() {
        out += "nothing was offered to it yet\n";
        return out;
    }
    out += "history\n";
    let mut table = Table::default();
    for action in actions {
        let contents = action["contents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bytes: u64 = contents.iter().filter_map(|part| part["size"].as_u64()).sum();
        let kinds: Vec<String> = contents.iter().map(|part| field(part, "kind")).collect();
        table.row([
            &*field(action, "id"),
            &*field(action, "step"),
            &*kinds.join(", "),
            &*grouped(bytes),
            &*field(action, "state"),
        ]);
    }
    out + &table.render("lllrl")
}

/// What a device gets, and why.
fn planned(plan: &Value) -> String {
    let mut out = String::new();
    let bytes = |value: &Value| grouped(value["bytes"].as_u64().unwrap_or(0));
    match plan["answer"].as_str() {
        Some("update") => {
            let _ = writeln!(out, "release {}: {} bytes", field(plan, "release"), bytes(plan));
            let mut table = Table::default();
            for step in plan["steps"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let parts = step["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
                let how: Vec<String> = parts.iter().map(|part| field(part, "transfer")).collect();
                table.row([&*field(step, "to"), &*how.join(", "), &*bytes(step)]);
            }
            out += &table.render("llr");
        }
        Some("up-to-date") => out += "nothing: it holds what it is to hold\n",
        _ => out += "nothing now\n",
    }
    for why in plan["why"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let _ = writeln!(out, "  {}", text::escaped(why.as_str().unwrap_or_default()));
    }
    out
}
