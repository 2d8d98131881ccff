//! `docs/facts.schema.json` describes what `flashdelta info --json` prints.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_documents_of_info_are_as_the_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read(root.join("docs/facts.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&text).unwrap();
    let folder = std::env::temp_dir().join(format!("flashdelta-schema-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let data = |name: &str| root.join("testdata").join(name).to_str().unwrap().to_owned();
    let made = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (old, new) = (data("firmware/cortex-m-1.0.s19"), data("firmware/cortex-m-1.1.hex"));
    let (old_zip, new_zip) = (data("archives/heron-1.0.zip"), data("archives/heron-1.1.zip"));
    run(&["diff", &old, &new, "-o", &made("a.fdp"), "--product", "heron"]);
    run(&["diff", &old_zip, &new_zip, "-o", &made("b.fdb")]);
    std::fs::write(folder.join("cut.zip"), &std::fs::read(&new_zip).unwrap()[..1000]).unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("patch", &[&made("a.fdp")]),
        ("patch", &[&made("a.fdp"), "--old", &old]),
        ("bundle", &[&made("b.fdb")]),
        ("bundle", &[&made("b.fdb"), "--old", &old_zip]),
        ("firmware", &[&old]),
        ("firmware", &[&data("firmware/riscv-1.0.bin")]),
        ("firmware", &[&made("cut.zip")]),
        ("archive", &[&new_zip]),
        ("archive", &[&data("archives")]),
    ];
    for (kind, arguments) in cases {
        let document = run(&[&["info", "--json"], arguments].concat());
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["kind"], kind, "{arguments:?}");
        let wrong = check(&schema["$defs"][kind], &document, kind);
        assert_eq!(wrong, Vec::<String>::new(), "{arguments:?}");
    }
    let component = |kind: &str, more: &str| format!("[[component]]\nkind = \"{kind}\"\n{more}\n");
    let description = [
        "product = \"heron\"\n".to_owned(),
        component("application", &format!("partition = \"ota\"\nold = '{old}'\nnew = '{new}'")),
        component("child", &format!("child = 3\nhardware = [2, 4]\nabsent = true\nnew = '{new}'")),
        component("data", &format!("address = 0x9000\nrequire = '{old}'")),
        component("data", &format!("name = \"logo\"\nnew = '{old}'")),
    ];
    std::fs::write(folder.join("set.toml"), description.concat()).unwrap();
    run(&["set", "create", &made("set.toml"), "-o", &made("a.fds")]);
    let document: Value =
        serde_json::from_str(&run(&["set", "info", "--json", &made("a.fds")])).unwrap();
    assert_eq!(check(&schema["$defs"]["set"], &document, "set"), Vec::<String>::new());
    let told: Value = serde_json::from_str(&run(&["info", "--json", &made("a.fds")])).unwrap();
    assert_eq!(check(&schema["$defs"]["set"], &told, "set"), Vec::<String>::new());
    assert_eq!((&told["kind"], &told["components"]), (&"set".into(), &document["components"]));
    // The checker finds what is missing, what is too much, and what is of another type.
    let patch = run(&["info", "--json", &made("a.fdp")]);
    let good: Value = serde_json::from_str(&patch).unwrap();
    for spoil in [
        |d: &mut Value| drop(d.as_object_mut().unwrap().remove("ram")),
        |d: &mut Value| d["more"] = Value::Null,
        |d: &mut Value| d["ram"] = "64".into(),
        |d: &mut Value| d["codec"] = "gzip".into(),
        |d: &mut Value| d["identity"]["product"] = Value::Null,
    ] {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(!check(&schema["$defs"]["patch"], &bad, "patch").is_empty(), "{bad}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_index_of_a_release_is_as_the_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read(root.join("docs/release.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&text).unwrap();
    let name = format!("flashdelta-release-schema-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut description = "product = 'heron'\neffort = 1\n".to_owned();
    for (version, file) in [("1.0", "cortex-m-1.0.s19"), ("1.1", "cortex-m-1.1.hex")] {
        let file = root.join("testdata/firmware").join(file);
        description += &format!(
            "[[release]]\nversion = '{version}'\nfile = '{}'\nauxiliary = ['notes.txt']\n",
            file.display()
        );
    }
    std::fs::write(folder.join("notes.txt"), "notes").unwrap();
    std::fs::write(folder.join("RELEASE.toml"), description).unwrap();
    let made = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    run(&["release", "build", &made("RELEASE.toml"), "-o", &made("public"), "-q"]);
    let index = std::fs::read(folder.join("public/index.json")).unwrap();
    let good: Value = serde_json::from_slice(&index).unwrap();
    let wrong = |index: &Value| check(&schema["$defs"]["index"], index, "index");
    assert_eq!(wrong(&good), Vec::<String>::new());
    for spoil in [
        |index: &mut Value| index["more"] = 1.into(),
        |index: &mut Value| index["releases"][0]["image"]["memory"]["size"] = "1".into(),
        |index: &mut Value| drop(index["patches"][0].as_object_mut().unwrap().remove("from")),
        |index: &mut Value| index["releases"][1]["file"]["path"] = 1.into(),
    ] {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert_ne!(wrong(&bad), Vec::<String>::new(), "{bad}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_flashdelta")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What in a value is not as a schema says: of JSON Schema what the file uses, except patterns.
fn check(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: &str| wrong.push(format!("{at}: {what}"));
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    for (key, rule) in schema.as_object().expect("a schema is an object") {
        match key.as_str() {
            "description" | "pattern" | "items" | "properties" | "additionalProperties" => {}
            "type" => {
                let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !names.iter().any(|name| is(name.as_str().unwrap())) {
                    say(&format!("expected {rule}, found {value}"));
                }
            }
            "const" if rule != value => say(&format!("expected {rule}, found {value}")),
            "enum" if !rule.as_array().unwrap().contains(value) => say(&format!("is {value}")),
            "const" | "enum" => {}
            "minimum" if value.as_f64() < rule.as_f64() && !value.is_null() => say("too small"),
            "maximum" if value.as_f64() > rule.as_f64() => say("too large"),
            "minimum" | "maximum" => {}
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        say(&format!("{name} is missing"));
                    }
                }
            }
            "anyOf" => {
                let mut any = rule.as_array().unwrap().iter();
                if !any.any(|schema| check(schema, value, at).is_empty()) {
                    say(&format!("is {value}"));
                }
            }
            other => panic!("the schema has {other}, which this test does not know"),
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => wrong.extend(check(schema, value, &at)),
            (None, Value::Bool(false)) => wrong.push(format!("{at}: not in the schema")),
            (None, schema) if schema.is_object() => wrong.extend(check(schema, value, &at)),
            (None, _) => {}
        }
    }
    for value in value.as_array().into_iter().flatten().filter(|_| schema.get("items").is_some()) {
        wrong.extend(check(&schema["items"], value, at));
    }
    wrong
}
