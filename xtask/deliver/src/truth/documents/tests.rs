use super::*;

use expect_test::{Expect, expect};

use crate::truth::config;

fn document(path: &str, text: &str) -> Document {
    Document { path: path.into(), text: text.into() }
}

fn ledger() -> Config {
    let claim = |id: &str, term: &str| {
        format!("[claims.{id}]\ntext = \"x\"\nowner = \"o\"\nphase = \"p\"\nterms = [\"{term}\"]\n")
    };
    config::parse(&[claim("grafana", "Grafana"), claim("journal", "journal")].concat()).unwrap()
}

/// `journal` is tested, `grafana` is planned.
#[track_caller]
fn check(path: &str, text: &str, wanted: Expect) {
    let level = |id: &str| if id == "journal" { Level::Tested } else { Level::Planned };
    let found = mentions(&document(path, text), &ledger(), level);
    wanted.assert_eq(&found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_word_of_an_unproven_claim_needs_its_link() {
    check(
        "README.md",
        "# A\n\nThe journal is read\nby grafana dashboards.\n\nNo Grafanaland here.\n",
        expect![[r#"
            README.md:4: `Grafana` is spoken of, and claim `grafana` is only planned
              next: link to it in the same paragraph: [Grafana](docs/current-state.md#grafana)"#]],
    );
    check(
        "docs/a/b.md",
        "- Grafana\n- [Grafana](../current-state.md#grafana)\n",
        expect![[r#"
            docs/a/b.md:1: `Grafana` is spoken of, and claim `grafana` is only planned
              next: link to it in the same paragraph: [Grafana](../current-state.md#grafana)"#]],
    );
    check("docs/b.md", "Nothing was run beside\n[Grafana](current-state.md#grafana).\n", expect![""]);
    check(
        "docs/b.md",
        "```\nGrafana\n```\n<!-- truth:begin state sha256:0 -->\nGrafana\n<!-- truth:end -->\n",
        expect![""],
    );
}

#[test]
fn an_edit_within_a_block_is_found_at_its_line() {
    let body = "| a |\n| b |\n| c |\n";
    let whole = whole("claims a", body);
    let only = |text: &str| {
        let document = document("docs/x.md", text);
        let (blocks, wrong) = blocks(&document);
        assert_eq!((blocks.len(), wrong.len()), (1, 0));
        edited(&document, &blocks[0], Some(body)).map(|finding| (finding.line, finding.next))
    };
    assert_eq!(only(&format!("# X\n\n{whole}")), None);
    let changed = format!("# X\n\n{whole}").replace("| b |", "| B |");
    assert_eq!(only(&changed), Some((5, "cargo xtask truth write".to_owned())));
    let torn = format!("# X\n\n{whole}").replace("| c |\n", "");
    assert_eq!(only(&torn).map(|(line, _)| line), Some(6));
    // Written again, the hand's work is gone and everything else stays.
    let filled = filled(&document("docs/x.md", &changed), |_| Some(body.to_owned()));
    assert_eq!(filled, format!("# X\n\n{whole}"));
}

#[test]
fn an_example_of_a_block_is_none() {
    let text = "```text\n<!-- truth:begin state -->\n<!-- truth:end -->\n```\n";
    let document = document("docs/x.md", text);
    assert_eq!(blocks(&document), (Vec::new(), Vec::new()));
    assert_eq!(filled(&document, |_| Some("x\n".to_owned())), text);
}

#[test]
fn marks_that_do_not_match_are_found() {
    for (text, wanted) in [
        ("<!-- truth:begin state -->\n", "docs/x.md:1: the block `state` has no end"),
        ("a\n<!-- truth:end -->\n", "docs/x.md:2: a block ends here that never began"),
        (
            "<!-- truth:begin a -->\n<!-- truth:begin b -->\n<!-- truth:end -->\n",
            "docs/x.md:1: the block `a` has no end",
        ),
    ] {
        let (_, wrong) = blocks(&document("docs/x.md", text));
        let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert!(said.len() == 1 && said[0].starts_with(wanted), "{said:?}");
    }
}

#[test]
fn rows_are_read_back_as_they_were_written() {
    let config = ledger();
    let levels: crate::truth::render::Levels = [
        ("grafana".to_owned(), (Level::Planned, "2026-01-02".to_owned())),
        ("journal".to_owned(), (Level::Tested, "2026-03-04".to_owned())),
    ]
    .into();
    let planned = crate::truth::roadmap::Planned::default();
    let body = crate::truth::render::body("state", &config, &planned, &levels).unwrap();
    let document = document("docs/current-state.md", &whole("state", &body));
    let (blocks, _) = blocks(&document);
    let rows = rows(&blocks[0]);
    assert_eq!(crate::truth::render::told(&rows), levels);
    for row in rows {
        let line = document.text.lines().nth(row.line - 1).unwrap();
        assert!(line.contains(&format!("`{}`", row.claim)), "{line}");
    }
}
