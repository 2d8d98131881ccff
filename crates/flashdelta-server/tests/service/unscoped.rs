//! What belongs to no tenant is asked for in few places, which are named here.

use std::collections::BTreeMap;
use std::path::Path;

/// Files with statements that name no tenant, and how many each has.
const UNSCOPED: [(&str, usize); 6] = [
    // Whose session it is.
    ("auth/sessions.rs", 1),
    // Whose a pre-shared key is.
    ("auth/psk.rs", 1),
    // Who has a token; whether there is any.
    ("auth/tokens.rs", 2),
    // Whether the database answers.
    ("database/connect.rs", 1),
    // Tenants themselves.
    ("database/tenant.rs", 4),
    // The next job, and how many there are.
    ("jobs/queue.rs", 2),
];

#[test]
fn statements_without_a_tenant_are_few_and_known() {
    let mut found = BTreeMap::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    count(&source, &source, &mut found);
    let expected = UNSCOPED.map(|(file, number)| (file.to_owned(), number));
    assert_eq!(found, BTreeMap::from(expected));
}

fn count(folder: &Path, source: &Path, found: &mut BTreeMap<String, usize>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            count(&entry, source, found);
            continue;
        }
        let text = std::fs::read_to_string(&entry).unwrap();
        let name = entry.strip_prefix(source).unwrap().to_str().unwrap().to_owned();
        // The libraries' own functions are called in one folder alone.
        let is_database = name.starts_with("database/");
        assert!(is_database || !text.contains("sqlx::query"), "{name}");
        let number = text.matches(".unscoped(").count();
        if number > 0 {
            found.insert(name, number);
        }
    }
}
