//! What a stage wants of backups and drills, asked and done: the domains do not know each other.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};

use crate::cli::drill;
use crate::deploy::config::Stage;
use crate::deploy::plan::Refusal;
use crate::resilience::{self, config, evidence::Age, report};

/// Every backup of a stage that could not be made, and every drill that does not count.
pub(super) fn ask(doors: &Doors, stage: &Stage) -> Result<Vec<Refusal>> {
    let mut shut = Vec::new();
    for name in &stage.backups {
        let ready = config::load(&doors.workspace).and_then(|config| resilience::ready(doors, &config, name));
        if let Err(failure) = ready {
            shut.push(missing(format!("backup {name}"), failure));
        }
    }
    for name in &stage.drills {
        let what = format!("drill {name}");
        match drill::age(doors, name) {
            Ok(Age::Good(_)) => {}
            Ok(age @ (Age::Missing | Age::Expired(_) | Age::Failed(_) | Age::Tampered(_))) => {
                shut.push(Refusal {
                    what,
                    why: report::age(&age),
                    next: drill::command(doors, name),
                    missing: false,
                });
            }
            Err(failure) => shut.push(missing(what, failure)),
        }
    }
    Ok(shut)
}

/// Makes a backup, as a step of a deployment.
pub(super) fn backup(doors: &Doors, name: &str) -> std::result::Result<(), String> {
    let made =
        config::load(&doors.workspace).and_then(|config| resilience::create(doors, &config, name, None));
    made.map(drop).map_err(|failure| doors.environment.mask(&format!("backup {name}: {}", told(&failure))))
}

fn missing(what: String, failure: Failure) -> Refusal {
    let why = told(&failure);
    Refusal { what, why, next: failure.next.unwrap_or_default(), missing: true }
}

fn told(failure: &Failure) -> String {
    let findings = failure.findings.iter().map(|finding| finding.problem.clone());
    std::iter::once(failure.in_one_line()).chain(findings).collect::<Vec<_>>().join(": ")
}
