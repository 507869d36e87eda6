use super::*;

use expect_test::expect;

fn file(path: &str, text: &str) -> Document {
    Document { path: path.into(), text: text.into() }
}

#[test]
fn what_is_there_becomes_claims_that_are_planned() {
    let files = [
        file(
            ".github/workflows/deploy.yml",
            "name: deploy\non:\n  push:\n  schedule:\njobs:\n  a:\n    steps:\n      - run: ./deploy.sh \"prod\"\n      - run: |\n          x\n",
        ),
        file("ops/backup.timer", "[Unit]\nDescription=Nightly backup\n"),
        file("ops/portal.service", "# The portal\n[Service]\n"),
        file("ops/dashboards/main.json", "{}"),
        file("ops/prometheus.yml", "scrape_configs: []"),
        file("ops/main.tf", "# Two machines\n"),
        file("scripts/backup.sh", "#!/bin/sh\n# Dumps the database\n"),
        file(
            "README.md",
            "# Portal\n\n- Backups are made **automatically**\n\n```\nalerts\n```\nNothing here.\n",
        ),
        file("src/lib.rs", "// alerts"),
    ];
    let found = inventory(&files);
    let shown: Vec<_> =
        found.iter().map(|one| format!("{} {}:{} {}", one.kind, one.file, one.line, one.what)).collect();
    expect![[r#"
        workflow .github/workflows/deploy.yml:0 workflow `deploy` runs on push, schedule
        workflow .github/workflows/deploy.yml:8 workflow `deploy` runs `./deploy.sh "prod"`
        timer ops/backup.timer:0 Description=Nightly backup
        service ops/portal.service:0 The portal
        dashboard ops/dashboards/main.json:0 {}
        monitoring ops/prometheus.yml:0 scrape_configs: []
        infrastructure ops/main.tf:0 Two machines
        backup scripts/backup.sh:0 Dumps the database
        document README.md:3 Backups are made **automatically**"#]]
    .assert_eq(&shown.join("\n"));

    // What is written is a ledger that can be read, and nothing in it has evidence.
    let config = crate::truth::config::parse(&claims(&found)).unwrap();
    assert_eq!(config.claims.len(), found.len());
    assert!(config.claims.values().all(|claim| claim.evidence.is_empty()));
}
