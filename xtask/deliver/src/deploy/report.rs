//! A plan, an outcome and a stage as people read them. Pure; each line fits a narrow terminal, and says everything without
//! colour.

use std::collections::BTreeMap;

use nexus_xtask::failure::{Exit, Failure};
use nexus_xtask::shell::quoted;

use crate::deploy::contract::{Driver, HostName, Line, Trouble};
use crate::deploy::engine::Outcome;
use crate::deploy::plan::{HostFacts, Kind, Plan};

/// What will happen, and the way back.
pub fn plan(plan: &Plan) -> String {
    let mut lines = vec![
        row("stage", &plan.stage),
        row(
            match plan.kind {
                Kind::Deploy => "deploy",
                Kind::Rollback => "roll back to",
            },
            &format!("{}, version {}", plan.bundle.id.0, plan.bundle.version),
        ),
        row("bytes", &format!("sha256 {}", plan.bundle.digest)),
        row("plan", &plan.digest().short()),
    ];
    for hook in &plan.before {
        lines.push(row("before", &hook.to_string()));
    }
    for (index, wave) in plan.waves.iter().enumerate() {
        let hosts: Vec<&str> = wave.iter().map(|host| host.0.as_str()).collect();
        let watched = match plan.soak_seconds {
            0 => "watched until there is a verdict".to_owned(),
            seconds => format!("watched for {seconds} s"),
        };
        lines.push(row(&format!("wave {}", index + 1), &format!("{}; {watched}", hosts.join(" "))));
    }
    for hook in &plan.after {
        lines.push(row("after", &hook.to_string()));
    }
    if let Some(words) = &plan.contract {
        lines.push(row("contract", &words.join(" ")));
    }
    for why in &plan.contract_waits {
        lines.push(row("contract", &format!("waits: {why}")));
    }
    for (host, back) in &plan.way_back {
        let back = back.as_ref().map_or("nothing: it never had a release", |release| release.0.as_str());
        lines.push(row("way back", &format!("{}: {back}", host.0)));
    }
    lines.push(row("undo", &format!("each host by itself, {} s after it was armed", plan.arm_seconds)));
    lines.join("\n")
}

/// Every command that a plan leads to on one host, in the order of the engine.
pub fn commands(plan: &Plan, driver: &dyn Driver) -> String {
    use crate::deploy::contract::Call;
    let release = plan.bundle.id.clone();
    let mut lines = Vec::new();
    for host in plan.waves.iter().flatten() {
        let calls = [
            Call::Observe,
            Call::Stage { bundle: plan.bundle.clone() },
            Call::Arm { to: plan.back(host), seconds: plan.arm_seconds },
            Call::Start { release: release.clone() },
            Call::Switch { release: release.clone() },
            Call::Drain { keep: release.clone(), seconds: plan.drain_seconds },
            Call::Confirm { release: release.clone() },
            Call::Prune { keep: plan.keep.clone() },
        ];
        for call in calls {
            for command in driver.commands(host, &call) {
                lines.push(format!("{:<8} {:<8} {command}", host.0, call.word()));
            }
        }
    }
    lines.join("\n")
}

/// How a deployment ended, as an exit or a failure that says what to do.
///
/// # Errors
/// Every outcome but a release that every host confirmed.
pub fn outcome(plan: &Plan, outcome: &Outcome, again: &str) -> Result<(Exit, String), Failure> {
    let release = &plan.bundle.id.0;
    let stage = &plan.stage;
    let all =
        |failure: Failure, why: &[String]| why.iter().fold(failure, |failure, why| failure.why(why.clone()));
    match outcome {
        Outcome::Succeeded => Ok((Exit::Done, format!("{stage}: {release} is confirmed on every host"))),
        Outcome::Already => {
            Ok((Exit::Done, format!("{stage}: {release} was confirmed on every host before")))
        }
        Outcome::Refused { why } => Err(all(
            Failure::refused(format!(
                "{release} did not get to `{stage}`, and nothing that serves was changed"
            ))
            .next(again),
            why,
        )),
        Outcome::RolledBack { why } => Err(all(
            Failure::new(
                Exit::RolledBack,
                format!("{release} was taken back: `{stage}` serves what it served before"),
            )
            .next("correct the release; the log of the service is on the host"),
            why,
        )),
        Outcome::Paused { why } => {
            Err(Failure::new(Exit::Person, format!("there is no verdict on {release} in `{stage}`"))
                .why(why)
                .why(format!(
                    "the hosts that were on trial went back, at the latest {} s from now; waves before stay",
                    plan.arm_seconds
                ))
                .next(format!("find out why there are too few answers; then, to try again: {again}")))
        }
        Outcome::Person { why } => Err(all(
            Failure::new(Exit::Person, format!("not every host of `{stage}` is known to be back"))
                .next(format!("cargo xtask deploy status --stage {}", quoted(stage))),
            why,
        )),
        Outcome::Busy { host, trouble } => {
            Err(Failure::new(Exit::Temporary, format!("the lock of `{}` could not be taken", host.0))
                .why(trouble.to_string())
                .next(format!("wait for its end; then: {again}")))
        }
        Outcome::Outdated { host } => {
            Err(Failure::new(Exit::Temporary, "the plan is out of date, and nothing was changed")
                .why(format!("somebody held the lock of `{}` since it was made", host.0))
                .next(format!("it is made again: {again}")))
        }
        Outcome::LockLost => {
            Err(Failure::new(Exit::Temporary, "the lock was lost, so nothing more was done")
                .why("the connection broke, or somebody else took over")
                .next(format!("it goes on from what the hosts say: {again}")))
        }
    }
}

/// What runs in a stage.
pub fn status(
    stage: &str,
    hosts: &BTreeMap<HostName, Result<HostFacts, Trouble>>,
    now_seconds: i64,
) -> String {
    let mut lines = vec![stage.to_owned()];
    for (host, facts) in hosts {
        lines.extend(of_host(host, facts, now_seconds));
    }
    lines.join("\n")
}

fn of_host(host: &HostName, facts: &Result<HostFacts, Trouble>, now_seconds: i64) -> Vec<String> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(trouble) => return vec![format!("  {:<12} unknown   {trouble}", host.0)],
    };
    let observed = &facts.observed;
    let serving: Vec<&str> =
        observed.running.iter().filter(|one| one.serving).map(|one| one.release.0.as_str()).collect();
    let word = match (&observed.confirmed, serving.as_slice()) {
        (Some(confirmed), [one]) if confirmed.0 == *one => "confirmed",
        (None, []) => "empty",
        (_, []) => "down",
        _ => "changing",
    };
    let what = if serving.is_empty() { "nothing serves".to_owned() } else { serving.join(" ") };
    let mut lines = vec![format!("  {:<12} {word:<9} {what}", host.0)];
    let mut more = |text: String| lines.push(format!("  {:<12} {:<9} {text}", "", ""));
    if let Some(confirmed) = observed.confirmed.as_ref().filter(|one| !serving.contains(&one.0.as_str())) {
        more(format!("confirmed is {}", confirmed.0));
    }
    if let Some(trial) = &observed.trial {
        more(format!("on trial: {}", trial.0));
    }
    if let Some(armed) = &observed.armed {
        let to = armed.to.as_ref().map_or("nothing", |release| release.0.as_str());
        more(format!("undo in {} s: serves {to}", armed.at_seconds - observed.clock_seconds));
    }
    if let Some(holder) = &observed.holder {
        let ago = now_seconds - holder.since_seconds;
        more(format!("locked by {} for {}, since {ago} s", holder.who, holder.deployment));
    }
    if let Some(hold) = observed.hold.as_ref().filter(|hold| hold.until_seconds > observed.clock_seconds) {
        let left = hold.until_seconds - observed.clock_seconds;
        more(format!("on hold by {} for {left} s more: {}", hold.who, hold.reason));
    }
    lines
}

/// The journal of a host, the newest lines last.
pub fn history(host: &HostName, lines: &[Line], count: usize) -> String {
    let skip = lines.len().saturating_sub(count);
    let shown: Vec<_> = lines[skip..]
        .iter()
        .map(|line| {
            let outcome = line.labels.get("outcome").map(String::as_str).unwrap_or_default();
            let text = format!(
                "{} {:<8} {:<14} {} {outcome}",
                moment(line.at_seconds),
                line.phase,
                line.step,
                line.subject
            );
            format!("  {}", text.trim_end())
        })
        .collect();
    format!("{}\n{}", host.0, shown.join("\n"))
}

fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

fn row(name: &str, text: &str) -> String {
    format!("{name:<14}{text}")
}
