//! Holds `docs/errors.md` to the tables of the error types.

use std::collections::BTreeMap;

use flashdelta::ErrorClass;

use crate::catalogue::CatalogueError;
use crate::planner::PlanError;
use crate::release::ReleaseError;
use crate::rules::{ConditionError, RuleError};
use crate::TextError;

#[test]
fn the_table_of_errors_is_that_of_the_source() {
    let tables: [&[(&str, ErrorClass, &str)]; 6] = [
        TextError::CODES,
        CatalogueError::CODES,
        ConditionError::CODES,
        RuleError::CODES,
        PlanError::CODES,
        ReleaseError::CODES,
    ];
    let known: BTreeMap<&str, (ErrorClass, &str)> = tables
        .into_iter()
        .flatten()
        .map(|&(code, class, remedy)| (code, (class, remedy)))
        .collect();
    let document = include_str!("../../../docs/errors.md");
    let (_, document) = document.split_once("\n## Fleets and releases\n").unwrap();
    let mut listed = BTreeMap::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, code, class, exit, meaning, remedy, _] = &cells[..] else {
            panic!("not five cells: {row}")
        };
        assert!(!meaning.is_empty(), "{code}");
        let remedy = if remedy == "-" { "" } else { remedy };
        let entry = (class.clone(), exit.clone(), remedy.to_owned());
        assert_eq!(listed.insert(code.clone(), entry), None, "{code} twice");
    }
    let known: BTreeMap<String, (String, String, String)> = known
        .into_iter()
        .map(|(code, (class, remedy))| {
            let exit = class.exit_code().to_string();
            (code.to_owned(), (class.name().to_owned(), exit, remedy.to_owned()))
        })
        .collect();
    assert_eq!(listed, known);
}
