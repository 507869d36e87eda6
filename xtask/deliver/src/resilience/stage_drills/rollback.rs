//! What a stage can go back to in a drill, and forward again. Pure.

use std::collections::BTreeSet;

use nexus_xtask::failure::{Failure, Result};

/// The way of a drill: back, and forward to where it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The last good release that is not the one that serves.
    pub back: String,
    /// What is confirmed.
    pub forward: String,
}

/// What a host has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// What is confirmed.
    pub confirmed: String,
    /// What was good there, the oldest first.
    pub good: Vec<String>,
}

/// The way of a stage.
///
/// # Errors
/// Exit 3 where its hosts have no two good releases, or do not agree on them.
pub fn way(stage: &str, hosts: &[Past]) -> Result<Way> {
    let last = |past: &Past| past.good.iter().rev().find(|good| **good != past.confirmed).cloned();
    let all: BTreeSet<_> = hosts.iter().map(|past| (past.confirmed.clone(), last(past))).collect();
    let is_good = hosts.iter().all(|past| past.good.contains(&past.confirmed));
    match (is_good, all.into_iter().collect::<Vec<_>>().as_slice()) {
        (true, [(forward, Some(back))]) => Ok(Way { back: back.clone(), forward: forward.clone() }),
        (_, [(forward, back)]) => {
            let why = match back {
                None => format!("every host knows {forward} alone"),
                Some(_) => format!("the deployment of {forward} did not end well"),
            };
            Err(Failure::refused(format!("`{stage}` has no two good releases"))
                .why(why)
                .next(format!("deploy another release first: cargo xtask deploy run --to {stage}")))
        }
        (_, several) => {
            let name = |(forward, back): &(String, Option<String>)| {
                format!("{forward} before it {}", back.as_deref().unwrap_or("nothing"))
            };
            let names: Vec<_> = several.iter().map(name).collect();
            Err(Failure::refused(format!("the hosts of `{stage}` do not agree on what they serve"))
                .why(names.join("; "))
                .next(format!("bring them to one release: cargo xtask deploy run --to {stage}")))
        }
    }
}
