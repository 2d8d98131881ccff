//! `flashdelta fleet rollouts`

use serde_json::{json, Value};

use super::answers::{field, print_done, print_list};
use super::client::{part, Client};
use crate::failure::Outcome;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List those of a product
    List {
        /// The product
        product: String,
    },
    /// Begin one, before those that there are
    Create(Create),
    /// Say how far one is
    Show(Which),
    /// Offer nothing more for now
    Pause(Which),
    /// Go on
    Resume(Which),
    /// Go to the next stage
    Stage {
        #[command(flatten)]
        which: Which,
        /// The part of its devices that it comes to, in percent
        percent: f64,
    },
    /// End one: what devices have not begun is taken back
    Abort(Which),
}

#[derive(clap::Args)]
pub(super) struct Which {
    /// The product
    product: String,
    /// The name of the roll-out
    name: String,
}

#[derive(clap::Args)]
pub(super) struct Create {
    /// The product
    product: String,
    /// The release
    release: String,
    /// What it is called [default: "to RELEASE"]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The part of its devices that it comes to first, in percent
    #[arg(long, default_value_t = 10.0, value_name = "PERCENT")]
    share: f64,
    /// Which devices it is for, such as 'year >= 2024 && "beta" in tags'
    #[arg(long, default_value = "true", value_name = "CONDITION")]
    condition: String,
    /// Devices that run a later version go back
    #[arg(long)]
    rollback: bool,
    /// Do not begin yet
    #[arg(long)]
    paused: bool,
}

impl Which {
    fn path(&self) -> String {
        format!("/v1/products/{}/rollouts/{}", part(&self.product), part(&self.name))
    }
}

impl Command {
    pub(super) fn run(self, client: &Client, json: bool) -> Outcome {
        match self {
            Self::List { product } => {
                let answer = client.get(&format!("/v1/products/{}/rollouts", part(&product)))?;
                let fields = [
                    "rule",
                    "release",
                    "state",
                    "assignment/share",
                    "offered",
                    "succeeded",
                    "failed",
                ];
                print_list(&answer, json, fields, "no roll-out yet")
            }
            Self::Create(create) => create.run(client, json),
            Self::Show(which) => print_one(&client.get(&which.path())?, json),
            Self::Pause(which) => change(client, json, &which, &json!({"paused": true})),
            Self::Resume(which) => change(client, json, &which, &json!({"paused": false})),
            Self::Stage { which, percent } => {
                change(client, json, &which, &json!({"share": percent}))
            }
            Self::Abort(which) => {
                let answer = client.delete(&which.path())?;
                print_done(&answer, json, &format!("roll-out {} is aborted", which.name))
            }
        }
    }
}

impl Create {
    fn run(self, client: &Client, json: bool) -> Outcome {
        let name = self.name.unwrap_or_else(|| format!("to {}", self.release));
        let body = json!({
            "id": name, "release": self.release, "share": self.share,
            "condition": self.condition, "rollback": self.rollback, "paused": self.paused,
        });
        let path = format!("/v1/products/{}/rollouts", part(&self.product));
        print_one(&client.post(&path, &body)?, json)
    }
}

fn change(client: &Client, json: bool, which: &Which, body: &Value) -> Outcome {
    print_one(&client.patch(&which.path(), body)?, json)
}

fn print_one(rollout: &Value, json: bool) -> Outcome {
    let get = |name: &str| field(rollout, name);
    let mut line = format!(
        "{}: release {}, {}, {} %; offered {}, succeeded {}, failed {}",
        get("rule"),
        get("release"),
        get("state"),
        field(&rollout["assignment"], "share"),
        get("offered"),
        get("succeeded"),
        get("failed"),
    );
    let reach = &rollout["reach"];
    if reach.is_object() {
        let [devices, reached, updated] =
            ["devices", "reached", "updated"].map(|name| field(reach, name));
        line += &format!("; for {devices} devices, come to {reached}, held by {updated}");
    }
    print_done(rollout, json, &line)
}
