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
    let tables: [&[(&str, ErrorClass)]; 6] = [
        TextError::CODES,
        CatalogueError::CODES,
        ConditionError::CODES,
        RuleError::CODES,
        PlanError::CODES,
        ReleaseError::CODES,
    ];
    let known: BTreeMap<&str, ErrorClass> = tables.into_iter().flatten().copied().collect();
    let document = include_str!("../../../docs/errors.md");
    let (_, document) = document.split_once("\n## Fleets and releases\n").unwrap();
    let mut listed = BTreeMap::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, code, class, exit, meaning, _] = &cells[..] else {
            panic!("not four cells: {row}")
        };
        assert!(!meaning.is_empty(), "{code}");
        let class = (class.clone(), exit.clone());
        assert_eq!(listed.insert(code.clone(), class), None, "{code} twice");
    }
    let known: BTreeMap<String, (String, String)> = known
        .into_iter()
        .map(|(code, class)| {
            (code.to_owned(), (class.name().to_owned(), class.exit_code().to_string()))
        })
        .collect();
    assert_eq!(listed, known);
}
